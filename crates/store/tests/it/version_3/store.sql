PRAGMA foreign_keys = OFF;
PRAGMA application_id = 1266242166;
CREATE TABLE account_epochs (
    system_key BIGINT NOT NULL,
    account_key TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    PRIMARY KEY (system_key, account_key)
);
INSERT INTO "account_epochs" VALUES(1,'eve',1);
CREATE TABLE account_versions (
    system_key BIGINT NOT NULL,
    external_id TEXT NOT NULL,
    valid_from_run BIGINT NOT NULL,
    valid_to_run BIGINT NOT NULL,
    first_seen_run BIGINT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    arn TEXT NOT NULL,
    status TEXT NOT NULL,
    login_state TEXT NOT NULL,
    login_created_at BIGINT,
    password_reset_required BIGINT,
    access_keys TEXT,
    mfa_active BIGINT,
    credential_source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    password_last_used_at BIGINT,
    tags TEXT,
    permissions_boundary TEXT,
    inline_policies TEXT,
    PRIMARY KEY (system_key, external_id, valid_to_run)
);
INSERT INTO "account_versions" VALUES(1,'AIDACNATE6AM77T2VJMNW',1,9223372036854775807,1,'keyreeve-connector','/keyreeve/','arn:aws:iam::123456789012:user/keyreeve/keyreeve-connector','enabled','absent',NULL,NULL,'[{"active":true,"created_at":"2026-05-02T00:00:00Z","last_used_at":null}]',0,'credential_report',1777680000000,NULL,'{}',NULL,'[]');
CREATE TABLE assignment_versions (
    system_key BIGINT NOT NULL,
    subject_external_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    resource_key TEXT NOT NULL,
    valid_from_run BIGINT NOT NULL,
    valid_to_run BIGINT NOT NULL,
    first_seen_run BIGINT NOT NULL,
    subject_name TEXT NOT NULL,
    resource_external_id TEXT,
    resource_arn TEXT,
    resource_name TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (system_key, subject_external_id, kind, resource_key, valid_to_run)
);
INSERT INTO "assignment_versions" VALUES(1,'AGPA3GM64RCQPUDZSWUYM','group_policy','arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess',1,9223372036854775807,1,'platform',NULL,'arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess','AmazonEC2ReadOnlyAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPA3GM64RCQPUDZSWUYM','group_policy','arn:aws:iam::123456789012:policy/company/people-artifacts-write',1,9223372036854775807,1,'platform','ANPA2IMXXWRFSCMTMFUGT','arn:aws:iam::123456789012:policy/company/people-artifacts-write','people-artifacts-write','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPA43775R6B2365KURAY','group_policy','arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess',1,9223372036854775807,1,'research',NULL,'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess','AmazonS3ReadOnlyAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPA43775R6B2365KURAY','group_policy','arn:aws:iam::aws:policy/ReadOnlyAccess',1,9223372036854775807,1,'research',NULL,'arn:aws:iam::aws:policy/ReadOnlyAccess','ReadOnlyAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPA5VAU5EUDZ3IFQYEXM','group_policy','arn:aws:iam::aws:policy/AmazonEC2FullAccess',1,9223372036854775807,1,'people',NULL,'arn:aws:iam::aws:policy/AmazonEC2FullAccess','AmazonEC2FullAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPA5VAU5EUDZ3IFQYEXM','group_policy','arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess',1,9223372036854775807,1,'people',NULL,'arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess','AmazonEC2ReadOnlyAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPA5VAU5EUDZ3IFQYEXM','group_policy','arn:aws:iam::123456789012:policy/sales-state-bucket',1,9223372036854775807,1,'people','ANPANWP25LAVJ3X2S2ASP','arn:aws:iam::123456789012:policy/sales-state-bucket','sales-state-bucket','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPA6KXISGD5YS7FDFTZH','group_policy','arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess',1,9223372036854775807,1,'sales',NULL,'arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess','CloudWatchReadOnlyAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPABC7CNY44YI3YHGF5Z','group_policy','arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess',1,9223372036854775807,1,'finance',NULL,'arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess','AmazonEC2ReadOnlyAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPABC7CNY44YI3YHGF5Z','group_policy','arn:aws:iam::aws:policy/AmazonS3FullAccess',1,9223372036854775807,1,'finance',NULL,'arn:aws:iam::aws:policy/AmazonS3FullAccess','AmazonS3FullAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPABC7CNY44YI3YHGF5Z','group_policy','arn:aws:iam::123456789012:policy/support-secrets-read',1,9223372036854775807,1,'finance','ANPAYCVJE3I2V7V4UGORZ','arn:aws:iam::123456789012:policy/support-secrets-read','support-secrets-read','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPAFR5TIH7LBMJSXXLX5','group_policy','arn:aws:iam::123456789012:policy/support-secrets-read',1,9223372036854775807,1,'security','ANPAYCVJE3I2V7V4UGORZ','arn:aws:iam::123456789012:policy/support-secrets-read','support-secrets-read','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPAN2QZHJHUIRGGW7W7N','group_policy','arn:aws:iam::aws:policy/job-function/ViewOnlyAccess',1,9223372036854775807,1,'legal',NULL,'arn:aws:iam::aws:policy/job-function/ViewOnlyAccess','ViewOnlyAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPAN2QZHJHUIRGGW7W7N','group_policy','arn:aws:iam::123456789012:policy/company/research-reports',1,9223372036854775807,1,'legal','ANPARDN5NX73HKB2WB4MY','arn:aws:iam::123456789012:policy/company/research-reports','research-reports','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPAN2QZHJHUIRGGW7W7N','group_policy','arn:aws:iam::123456789012:policy/company/security-deploy',1,9223372036854775807,1,'legal','ANPAV7DZG7QFXBKETWXDF','arn:aws:iam::123456789012:policy/company/security-deploy','security-deploy','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPANZ2LRT5RA4YPFX7GO','group_policy','arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess',1,9223372036854775807,1,'operations',NULL,'arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess','AmazonEC2ReadOnlyAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPAOGDQ3GPOP2RHWHGC7','group_policy','arn:aws:iam::aws:policy/AmazonS3FullAccess',1,9223372036854775807,1,'support',NULL,'arn:aws:iam::aws:policy/AmazonS3FullAccess','AmazonS3FullAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPAOGDQ3GPOP2RHWHGC7','group_policy','arn:aws:iam::aws:policy/job-function/Billing',1,9223372036854775807,1,'support',NULL,'arn:aws:iam::aws:policy/job-function/Billing','Billing','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPAOH7HIAXI3CNUTU6J7','group_policy','arn:aws:iam::aws:policy/IAMUserChangePassword',1,9223372036854775807,1,'data',NULL,'arn:aws:iam::aws:policy/IAMUserChangePassword','IAMUserChangePassword','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPAOH7HIAXI3CNUTU6J7','group_policy','arn:aws:iam::aws:policy/PowerUserAccess',1,9223372036854775807,1,'data',NULL,'arn:aws:iam::aws:policy/PowerUserAccess','PowerUserAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPAUJIEEJNGIF2ZK75KR','group_policy','arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess',1,9223372036854775807,1,'engineering',NULL,'arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess','CloudWatchReadOnlyAccess','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPAVMCVJJKW6EKIPULYC','group_policy','arn:aws:iam::aws:policy/job-function/Billing',1,9223372036854775807,1,'marketing',NULL,'arn:aws:iam::aws:policy/job-function/Billing','Billing','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPAVMCVJJKW6EKIPULYC','group_policy','arn:aws:iam::aws:policy/IAMUserChangePassword',1,9223372036854775807,1,'marketing',NULL,'arn:aws:iam::aws:policy/IAMUserChangePassword','IAMUserChangePassword','actual');
INSERT INTO "assignment_versions" VALUES(1,'AGPAVMCVJJKW6EKIPULYC','group_policy','arn:aws:iam::123456789012:policy/company/people-artifacts-write',1,9223372036854775807,1,'marketing','ANPA2IMXXWRFSCMTMFUGT','arn:aws:iam::123456789012:policy/company/people-artifacts-write','people-artifacts-write','actual');
CREATE TABLE audit_head (
    marker BIGINT PRIMARY KEY CHECK (marker = 1),
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    mac TEXT NOT NULL
);
INSERT INTO "audit_head" VALUES(1,16,'75f768a1f46e083f3ed78413dc08166e3b44d7343af6c50d245af2f9ae03efe0','1ed8155d1812e660c549443af93aab74bb564f2e3d58b04e7bf486f85b7f8f07');
CREATE TABLE audit_log (
    seq INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    system_id TEXT,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO "audit_log" VALUES(1,1795859072361,'local:root',NULL,'token_created','{"expires_at":null,"owner":"admin","role":"admin","systems":[],"token":"8478108a22cac906"}','0000000000000000000000000000000000000000000000000000000000000000','6b876e43323eaddaf450f80ab0f6f49db76a48f8c25ceeb4fe373f8fdcdfee2c');
INSERT INTO "audit_log" VALUES(2,1795859072397,'local:root','old','system_registered','{"aws_account_id":"123456789012","category":"AWS","content":"access_rights","created_at":"2026-11-28T09:44:32.397Z","credential":{"access_key_id":"AKIAM62G5GOQ2BZOHCZL","kind":"access_key"},"name":"Old","partition":"aws","region":null,"removed_at":null,"settings":{"deny_all_policy":null,"first_sign_in":"attach","group_policy_writes":false,"keep_last_administrator":true,"max_concurrent_requests":50,"max_deactivations":25,"max_deletes":10,"max_requests_per_second":null,"password_delivery":"link","permission_profile":"reference","prioritise_delete_tasks":true,"scim_delete":"deactivate"},"state":"active","state_reason":null,"system_id":"old","technology":"aws","updated_at":"2026-11-28T09:44:32.397Z"}','6b876e43323eaddaf450f80ab0f6f49db76a48f8c25ceeb4fe373f8fdcdfee2c','15d11a69e86f73d38bb8837d56c0a70cbafae43108cbb84e26a33c685ae8851b');
INSERT INTO "audit_log" VALUES(3,1795859072418,'local:root','old','system_changed','{"settings.password_delivery":{"from":"link","to":"operator"},"settings.permission_profile":{"from":"reference","to":"full"}}','15d11a69e86f73d38bb8837d56c0a70cbafae43108cbb84e26a33c685ae8851b','2e723cf28222da2493998610f5577001750709c00b2de34a7c92ba8e4d82510e');
INSERT INTO "audit_log" VALUES(4,1795859072438,'local:root','old','profile_set','{"profile":{"login_profile_source":"auto","name":"default","objects":["accounts","login_profiles","groups","policies","assignments"],"path_prefix":"/","policy_scope":"customer","thresholds":{"large":{"changed":null,"changed_percent":30,"created":null,"created_percent":30,"deleted":100,"deleted_percent":5},"medium":{"changed":null,"changed_percent":40,"created":null,"created_percent":40,"deleted":10,"deleted_percent":10},"small":{"changed":10,"changed_percent":50,"created":10,"created_percent":50,"deleted":2,"deleted_percent":null}}}}','2e723cf28222da2493998610f5577001750709c00b2de34a7c92ba8e4d82510e','c883f6e86f56c970d3ce4a4c28a4a069d70626d5128fbaba01c777717f6a54b9');
INSERT INTO "audit_log" VALUES(5,1795859072795,'local:root','old','job_created','{"approval_because":[],"job":1,"plan_sha256":"17d87ad0e14ebf1e0d5f3ee67de595b64e81b481177ea0c1d651961a23505323","reason":null,"tasks":1,"to":"queued"}','c883f6e86f56c970d3ce4a4c28a4a069d70626d5128fbaba01c777717f6a54b9','9440c3414c31e674fd936e1627d09703652f3c159da86f9ad34d96570d3d6d0d');
INSERT INTO "audit_log" VALUES(6,1795859072795,'local:root','old','task_created','{"account":"eve","job":1,"kind":"create_account","steps":["CreateUser","AttachUserPolicy","CreateLoginProfile"],"task":1,"to":"queued"}','9440c3414c31e674fd936e1627d09703652f3c159da86f9ad34d96570d3d6d0d','33d386e12e0e21034aa82a3271501c0b2ab293d0ff9dbd1a28dccfc05541e3ac');
INSERT INTO "audit_log" VALUES(7,1795859072805,'local:root','old','job_started','{"from":"queued","job":1,"to":"running"}','33d386e12e0e21034aa82a3271501c0b2ab293d0ff9dbd1a28dccfc05541e3ac','0b53d43096bfbe205b3625fc44b1d6e4d3099df5f41465c2062584ebe5c874b6');
INSERT INTO "audit_log" VALUES(8,1795859072805,'local:root','old','task_started','{"epoch":1,"from":"queued","job":1,"task":1,"to":"running","worker":"local:root:5937"}','0b53d43096bfbe205b3625fc44b1d6e4d3099df5f41465c2062584ebe5c874b6','aff58d95c12783d852cc62cd9e11e562eca073dbf97dea139f1e1b508e52c473');
INSERT INTO "audit_log" VALUES(9,1795859072808,'local:root','old','step_attempted','{"account":"eve","attempt":1,"from":"planned","job":1,"operation":"CreateUser","step":1,"task":1,"to":"attempting"}','aff58d95c12783d852cc62cd9e11e562eca073dbf97dea139f1e1b508e52c473','f05676b98d828c0898dff4a753e19300bce95f31301def92bbbeebf55ff60bba');
INSERT INTO "audit_log" VALUES(10,1795859072813,'local:root','old','step_settled','{"account":"eve","account_external_id":"AIDA5QM4UTLD3PI5EOJI5","claims":[{"fact":"account_exists"}],"failure":null,"from":"attempting","job":1,"operation":"CreateUser","request_id":"fe140ae0-51c8-405d-a543-3d9f62ba54ea","step":1,"task":1,"to":"applied","unchanged":false}','f05676b98d828c0898dff4a753e19300bce95f31301def92bbbeebf55ff60bba','3c271f510d354576646c2d84794ea14ef1f7442cb38c0822163a4fadc8a8d8d9');
INSERT INTO "audit_log" VALUES(11,1795859072815,'local:root','old','step_attempted','{"account":"eve","attempt":1,"from":"planned","job":1,"operation":"AttachUserPolicy","step":2,"task":1,"to":"attempting"}','3c271f510d354576646c2d84794ea14ef1f7442cb38c0822163a4fadc8a8d8d9','04768b3716165aeda97b0c0aa1d4b6c73ab64aca9f5230e0e6ae8babbba94a8f');
INSERT INTO "audit_log" VALUES(12,1795859072820,'local:root','old','step_settled','{"account":"eve","account_external_id":"AIDA5QM4UTLD3PI5EOJI5","claims":[{"fact":"has_policy","policy_arn":"arn:aws:iam::aws:policy/IAMUserChangePassword"}],"failure":null,"from":"attempting","job":1,"operation":"AttachUserPolicy","request_id":"063dc420-21ce-46b9-aebc-310b51c23d17","step":2,"task":1,"to":"applied","unchanged":false}','04768b3716165aeda97b0c0aa1d4b6c73ab64aca9f5230e0e6ae8babbba94a8f','cd6970648ef1cd87d5f0a1c6cb9db20f79cf3aba0bfcf9ad5fd85fbfbaef3ced');
INSERT INTO "audit_log" VALUES(13,1795859072825,'local:root','old','step_attempted','{"account":"eve","attempt":1,"from":"planned","job":1,"operation":"CreateLoginProfile","step":3,"task":1,"to":"attempting"}','cd6970648ef1cd87d5f0a1c6cb9db20f79cf3aba0bfcf9ad5fd85fbfbaef3ced','93135dfabc132bb28569c88aab807ac0fa852611402bc3a8d99c8fd03f6d3d7b');
INSERT INTO "audit_log" VALUES(14,1795859072831,'local:root','old','step_settled','{"account":"eve","account_external_id":"AIDA5QM4UTLD3PI5EOJI5","claims":[{"fact":"login_profile_present"}],"failure":null,"from":"attempting","job":1,"operation":"CreateLoginProfile","request_id":"5f9db48d-813a-4735-a1bc-aaa180240386","step":3,"task":1,"to":"applied","unchanged":false}','93135dfabc132bb28569c88aab807ac0fa852611402bc3a8d99c8fd03f6d3d7b','0988df37a7c1071b686f92a7202e98bec967bdf5a7061b90dcc8a81cd3dc27fd');
INSERT INTO "audit_log" VALUES(15,1795859072834,'local:root','old','task_ended','{"account":"eve","failure":null,"from":"running","job":1,"task":1,"to":"succeeded"}','0988df37a7c1071b686f92a7202e98bec967bdf5a7061b90dcc8a81cd3dc27fd','9bd135e0b4c4b648da784a968ba258162c284d6dee972856c8052940368dc501');
INSERT INTO "audit_log" VALUES(16,1795859072834,'local:root','old','job_ended','{"from":"running","job":1,"to":"succeeded"}','9bd135e0b4c4b648da784a968ba258162c284d6dee972856c8052940368dc501','75f768a1f46e083f3ed78413dc08166e3b44d7343af6c50d245af2f9ae03efe0');
CREATE TABLE claims (
    claim_id INTEGER PRIMARY KEY AUTOINCREMENT,
    system_key BIGINT NOT NULL,
    task_id BIGINT NOT NULL REFERENCES tasks (task_id),
    step BIGINT NOT NULL,
    account_external_id TEXT NOT NULL,
    account TEXT NOT NULL,
    topic TEXT NOT NULL,
    fact TEXT NOT NULL,
    state TEXT NOT NULL,
    claimed_at BIGINT NOT NULL,
    settled_by BIGINT,
    settled_at BIGINT
);
INSERT INTO "claims" VALUES(1,1,1,1,'AIDA5QM4UTLD3PI5EOJI5','eve','existence','{"fact":"account_exists"}','open',1795859072813,NULL,NULL);
INSERT INTO "claims" VALUES(2,1,1,2,'AIDA5QM4UTLD3PI5EOJI5','eve','policy:arn:aws:iam::aws:policy/IAMUserChangePassword','{"fact":"has_policy","policy_arn":"arn:aws:iam::aws:policy/IAMUserChangePassword"}','open',1795859072820,NULL,NULL);
INSERT INTO "claims" VALUES(3,1,1,3,'AIDA5QM4UTLD3PI5EOJI5','eve','login_profile','{"fact":"login_profile_present"}','open',1795859072831,NULL,NULL);
CREATE TABLE import_changes (
    run_id BIGINT NOT NULL REFERENCES import_runs (run_id),
    seq BIGINT NOT NULL,
    object_type TEXT NOT NULL,
    change TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
);
CREATE TABLE import_profiles (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (system_key, name)
);
INSERT INTO "import_profiles" VALUES(1,'default','{"login_profile_source":"auto","name":"default","objects":["accounts","login_profiles","groups","policies","assignments"],"path_prefix":"/","policy_scope":"customer","thresholds":{"large":{"changed":null,"changed_percent":30,"created":null,"created_percent":30,"deleted":100,"deleted_percent":5},"medium":{"changed":null,"changed_percent":40,"created":null,"created_percent":40,"deleted":10,"deleted_percent":10},"small":{"changed":10,"changed_percent":50,"created":10,"created_percent":50,"deleted":2,"deleted_percent":null}}}',1795859072438);
CREATE TABLE import_runs (
    run_id INTEGER PRIMARY KEY AUTOINCREMENT,
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    profile TEXT NOT NULL,
    state TEXT NOT NULL,
    scope TEXT NOT NULL,
    baseline_run BIGINT,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    published_at BIGINT,
    credential_report_at BIGINT,
    aws_calls BIGINT NOT NULL,
    collections TEXT NOT NULL,
    changes TEXT NOT NULL,
    suspicions TEXT NOT NULL,
    warnings TEXT NOT NULL,
    failure TEXT,
    changes_sha256 TEXT,
    actor TEXT NOT NULL,
    decided_by TEXT,
    decided_at BIGINT,
    decision_reason TEXT,
    lease_token TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);
INSERT INTO "import_runs" VALUES(1,1,'default','published','{"objects":["accounts","login_profiles","groups","policies","assignments"],"path_prefix":"/","policy_scope":"customer"}',NULL,1795859072464,1795859072744,1795859072744,1795859072000,10,'[{"calls":1,"items":1,"name":"users","reason":null,"retries":0,"state":"whole","throttled":0},{"calls":1,"items":13,"name":"authorization_details","reason":null,"retries":0,"state":"whole","throttled":0},{"calls":1,"items":12,"name":"groups","reason":null,"retries":0,"state":"whole","throttled":0},{"calls":1,"items":15,"name":"policies","reason":null,"retries":0,"state":"whole","throttled":0},{"calls":0,"items":0,"name":"login_profiles","reason":null,"retries":0,"state":"skipped","throttled":0},{"calls":4,"items":1,"name":"credential_report","reason":null,"retries":0,"state":"whole","throttled":0}]','{"accounts":{"changed":0,"created":1,"deleted":0},"assignments":{"changed":0,"created":24,"deleted":0},"resources":{"changed":0,"created":27,"deleted":0}}','[]','[]',NULL,NULL,'local:root',NULL,NULL,NULL,'7aee1108c547ca0186ab44d214d7a69e',1795859102464);
CREATE TABLE keyreeve_store (
    marker BIGINT PRIMARY KEY CHECK (marker = 1),
    created_at BIGINT NOT NULL,
    schema_sha256 TEXT
);
INSERT INTO "keyreeve_store" VALUES(1,1795859072361,'4e7b1892716a03cfabb7d9de63aefc10c38ce53393ca5b723df63f9aee10f7e6');
CREATE TABLE password_deliveries (
    delivery_id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id BIGINT NOT NULL REFERENCES tasks (task_id),
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    lookup TEXT,
    ciphertext BLOB,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    opened_at BIGINT
);
INSERT INTO "password_deliveries" VALUES(1,1,3,'operator','released',NULL,X'8B9CB2E712E7CD72E96353235DA11FDD6E1627B6668EEE5F752B5DA1D1BC09FF30EBADB4CDDBCB6E18B22D237C5934DC0AD066849D92B702714597E84D44EA63',1795859072825,1795945472825,NULL);
CREATE TABLE protections (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT,
    added_by TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (system_key, kind, value)
);
CREATE TABLE provisioning_jobs (
    job_id INTEGER PRIMARY KEY AUTOINCREMENT,
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    state TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT,
    baseline_run BIGINT,
    plan_sha256 TEXT NOT NULL,
    approval_because TEXT NOT NULL,
    facts TEXT NOT NULL,
    decided_by TEXT,
    decision_reason TEXT,
    decided_at BIGINT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT
);
INSERT INTO "provisioning_jobs" VALUES(1,1,'succeeded','local:root',NULL,1,'17d87ad0e14ebf1e0d5f3ee67de595b64e81b481177ea0c1d651961a23505323','[]','{"basis":{"account eve":"free","policy arn:aws:iam::aws:policy/IAMUserChangePassword":""},"sealings":{"0":{"way":"operator"}}}',NULL,NULL,NULL,1795859072795,1795859072805,1795859072834);
CREATE TABLE resource_versions (
    system_key BIGINT NOT NULL,
    external_id TEXT NOT NULL,
    valid_from_run BIGINT NOT NULL,
    valid_to_run BIGINT NOT NULL,
    first_seen_run BIGINT NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    arn TEXT NOT NULL,
    managed_by TEXT,
    attachable BIGINT NOT NULL,
    inline_policies TEXT,
    default_version TEXT,
    PRIMARY KEY (system_key, external_id, valid_to_run)
);
INSERT INTO "resource_versions" VALUES(1,'AGPA3GM64RCQPUDZSWUYM',1,9223372036854775807,1,'group','platform','/','arn:aws:iam::123456789012:group/platform',NULL,1,'[]',NULL);
INSERT INTO "resource_versions" VALUES(1,'AGPA43775R6B2365KURAY',1,9223372036854775807,1,'group','research','/teams/','arn:aws:iam::123456789012:group/teams/research',NULL,1,'[{"document_sha256":"358b3a62c58a02f3c202b8b51a5975836fc06d71edd19318c33e0e54f0bbee33","name":"shared-folder"}]',NULL);
INSERT INTO "resource_versions" VALUES(1,'AGPA5VAU5EUDZ3IFQYEXM',1,9223372036854775807,1,'group','people','/teams/','arn:aws:iam::123456789012:group/teams/people',NULL,1,'[]',NULL);
INSERT INTO "resource_versions" VALUES(1,'AGPA6KXISGD5YS7FDFTZH',1,9223372036854775807,1,'group','sales','/teams/','arn:aws:iam::123456789012:group/teams/sales',NULL,1,'[{"document_sha256":"4cafdcc62795781413b26021494bbcb7b977a02e9163297f795655600c7e2318","name":"shared-folder"}]',NULL);
INSERT INTO "resource_versions" VALUES(1,'AGPABC7CNY44YI3YHGF5Z',1,9223372036854775807,1,'group','finance','/teams/','arn:aws:iam::123456789012:group/teams/finance',NULL,1,'[{"document_sha256":"bf99e2c0ec32bce61b07f280b35ff954d903d9ea41879b4fa15343fc826d0ee2","name":"shared-folder"}]',NULL);
INSERT INTO "resource_versions" VALUES(1,'AGPAFR5TIH7LBMJSXXLX5',1,9223372036854775807,1,'group','security','/teams/','arn:aws:iam::123456789012:group/teams/security',NULL,1,'[{"document_sha256":"b5d57a09340924a8f77770f083ade0ca609c40cdea0a430c4d39399e5d0646dc","name":"shared-folder"}]',NULL);
INSERT INTO "resource_versions" VALUES(1,'AGPAN2QZHJHUIRGGW7W7N',1,9223372036854775807,1,'group','legal','/','arn:aws:iam::123456789012:group/legal',NULL,1,'[{"document_sha256":"69c5a07a296df178a9d2258b3f489c7ae475fa7f33a2dc83bed7aae2c57ee1f7","name":"shared-folder"}]',NULL);
INSERT INTO "resource_versions" VALUES(1,'AGPANZ2LRT5RA4YPFX7GO',1,9223372036854775807,1,'group','operations','/teams/','arn:aws:iam::123456789012:group/teams/operations',NULL,1,'[]',NULL);
INSERT INTO "resource_versions" VALUES(1,'AGPAOGDQ3GPOP2RHWHGC7',1,9223372036854775807,1,'group','support','/teams/','arn:aws:iam::123456789012:group/teams/support',NULL,1,'[]',NULL);
INSERT INTO "resource_versions" VALUES(1,'AGPAOH7HIAXI3CNUTU6J7',1,9223372036854775807,1,'group','data','/','arn:aws:iam::123456789012:group/data',NULL,1,'[]',NULL);
INSERT INTO "resource_versions" VALUES(1,'AGPAUJIEEJNGIF2ZK75KR',1,9223372036854775807,1,'group','engineering','/','arn:aws:iam::123456789012:group/engineering',NULL,1,'[]',NULL);
INSERT INTO "resource_versions" VALUES(1,'AGPAVMCVJJKW6EKIPULYC',1,9223372036854775807,1,'group','marketing','/teams/','arn:aws:iam::123456789012:group/teams/marketing',NULL,1,'[]',NULL);
INSERT INTO "resource_versions" VALUES(1,'ANPA2IMXXWRFSCMTMFUGT',1,9223372036854775807,1,'policy','people-artifacts-write','/company/','arn:aws:iam::123456789012:policy/company/people-artifacts-write','customer',1,NULL,'v1');
INSERT INTO "resource_versions" VALUES(1,'ANPA3HQOXZVZSKPQ5BSRY',1,9223372036854775807,1,'policy','data-queue-consume','/','arn:aws:iam::123456789012:policy/data-queue-consume','customer',1,NULL,'v2');
INSERT INTO "resource_versions" VALUES(1,'ANPA4242KNFLM75MZPILN',1,9223372036854775807,1,'policy','engineering-deploy','/company/','arn:aws:iam::123456789012:policy/company/engineering-deploy','customer',1,NULL,'v1');
INSERT INTO "resource_versions" VALUES(1,'ANPA7FNOZHOFDKOTYRUOM',1,9223372036854775807,1,'policy','platform-artifacts-write','/','arn:aws:iam::123456789012:policy/platform-artifacts-write','customer',1,NULL,'v1');
INSERT INTO "resource_versions" VALUES(1,'ANPAACC2S5K4I5WA3ZCU2',1,9223372036854775807,1,'policy','data-billing-view','/company/','arn:aws:iam::123456789012:policy/company/data-billing-view','customer',1,NULL,'v1');
INSERT INTO "resource_versions" VALUES(1,'ANPAAGKXTRVJTUIGPEZC2',1,9223372036854775807,1,'policy','finance-logs-read','/company/','arn:aws:iam::123456789012:policy/company/finance-logs-read','customer',1,NULL,'v1');
INSERT INTO "resource_versions" VALUES(1,'ANPAG2C2KLZ2AFIQ3EGMU',1,9223372036854775807,1,'policy','operations-queue-consume','/','arn:aws:iam::123456789012:policy/operations-queue-consume','customer',1,NULL,'v1');
INSERT INTO "resource_versions" VALUES(1,'ANPAK6F7PBXI4KM5FXG4E',1,9223372036854775807,1,'policy','platform-logs-read','/company/','arn:aws:iam::123456789012:policy/company/platform-logs-read','customer',1,NULL,'v1');
INSERT INTO "resource_versions" VALUES(1,'ANPANWP25LAVJ3X2S2ASP',1,9223372036854775807,1,'policy','sales-state-bucket','/','arn:aws:iam::123456789012:policy/sales-state-bucket','customer',1,NULL,'v1');
INSERT INTO "resource_versions" VALUES(1,'ANPAQBDUBBJTHIU2SBLUA',1,9223372036854775807,1,'policy','marketing-support-cases','/','arn:aws:iam::123456789012:policy/marketing-support-cases','customer',1,NULL,'v2');
INSERT INTO "resource_versions" VALUES(1,'ANPARDN5NX73HKB2WB4MY',1,9223372036854775807,1,'policy','research-reports','/company/','arn:aws:iam::123456789012:policy/company/research-reports','customer',1,NULL,'v2');
INSERT INTO "resource_versions" VALUES(1,'ANPAV7DZG7QFXBKETWXDF',1,9223372036854775807,1,'policy','security-deploy','/company/','arn:aws:iam::123456789012:policy/company/security-deploy','customer',1,NULL,'v2');
INSERT INTO "resource_versions" VALUES(1,'ANPAVKXHIHTPNNFFAN6WN',1,9223372036854775807,1,'policy','engineering-artifacts-read','/company/','arn:aws:iam::123456789012:policy/company/engineering-artifacts-read','customer',1,NULL,'v1');
INSERT INTO "resource_versions" VALUES(1,'ANPAYCVJE3I2V7V4UGORZ',1,9223372036854775807,1,'policy','support-secrets-read','/','arn:aws:iam::123456789012:policy/support-secrets-read','customer',1,NULL,'v1');
INSERT INTO "resource_versions" VALUES(1,'ANPAZZGAWAMIYDO4AE7SY',1,9223372036854775807,1,'policy','legal-artifacts-read','/company/','arn:aws:iam::123456789012:policy/company/legal-artifacts-read','customer',1,NULL,'v1');
CREATE TABLE schema_migrations (
    version BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL
);
INSERT INTO "schema_migrations" VALUES(1,'initial','b37a5d9a1c3c0ae93d11fd3a7d8f4d05b4d91465098c05a0a71f8ba1c86d6956');
INSERT INTO "schema_migrations" VALUES(2,'provisioning','033cd0eb94508a7e92ff2906572ce3b2f117e06bea7f563a483c01af25719b81');
INSERT INTO "schema_migrations" VALUES(3,'task_mappings','71432e8af4a7afe268274bee5ba2157a81ec07b64aa5edf4dea7f23ff33eee16');
CREATE TABLE secrets (
    owner_table TEXT NOT NULL,
    owner_row TEXT NOT NULL,
    owner_column TEXT NOT NULL,
    key_version BIGINT NOT NULL,
    nonce BLOB NOT NULL,
    ciphertext BLOB NOT NULL,
    PRIMARY KEY (owner_table, owner_row, owner_column)
);
INSERT INTO "secrets" VALUES('systems','old','credential',1,X'96BCC2A5A2142D2D243E234B2FAEE9484C93C4564E6701A2',X'0EB06AE5E2120D0C0AF460667685208F8056A2A86CBFA7B36FB393C0437956C9B6367B8203E311C83770522AF98876B9763AFA7E80B4372F');
CREATE TABLE steps (
    task_id BIGINT NOT NULL REFERENCES tasks (task_id),
    seq BIGINT NOT NULL,
    call TEXT NOT NULL,
    operation TEXT NOT NULL,
    reason TEXT NOT NULL,
    after TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    attempted_at BIGINT,
    finished_at BIGINT,
    unchanged BIGINT,
    request_id TEXT,
    failure TEXT,
    PRIMARY KEY (task_id, seq)
);
INSERT INTO "steps" VALUES(1,1,'{"account":"eve","call":"create_account","path":"/","tags":{"keyreeve:task":"01a2218a-c71a-74d2-9648-e43fc1f0ff1a"}}','CreateUser','custom_action','[]','applied',1,1795859072808,1795859072813,0,'fe140ae0-51c8-405d-a543-3d9f62ba54ea',NULL);
INSERT INTO "steps" VALUES(1,2,'{"account":"eve","call":"attach_policy","policy_arn":"arn:aws:iam::aws:policy/IAMUserChangePassword"}','AttachUserPolicy','first_sign_in','[1]','applied',1,1795859072815,1795859072820,0,'063dc420-21ce-46b9-aebc-310b51c23d17',NULL);
INSERT INTO "steps" VALUES(1,3,'{"account":"eve","call":"create_login_profile"}','CreateLoginProfile','task_mapping','[2]','applied',1,1795859072825,1795859072831,0,'5f9db48d-813a-4735-a1bc-aaa180240386',NULL);
CREATE TABLE store_keys (
    key_version BIGINT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO "store_keys" VALUES(1,'7a004409b81507721fc219f840a5121c',1795859072361);
CREATE TABLE systems (
    system_key INTEGER PRIMARY KEY AUTOINCREMENT,
    system_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    category TEXT NOT NULL,
    technology TEXT NOT NULL,
    content TEXT NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT,
    aws_account_id TEXT,
    aws_partition TEXT,
    region TEXT,
    credential TEXT NOT NULL,
    secret_revision BIGINT NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    removed_at BIGINT
);
INSERT INTO "systems" VALUES(1,'old','Old','old','AWS','aws','access_rights','active',NULL,'123456789012','aws',NULL,'{"access_key_id":"AKIAM62G5GOQ2BZOHCZL","kind":"access_key"}',1,'{"deny_all_policy":null,"first_sign_in":"attach","group_policy_writes":false,"keep_last_administrator":true,"max_concurrent_requests":50,"max_deactivations":25,"max_deletes":10,"max_requests_per_second":null,"password_delivery":"operator","permission_profile":"full","prioritise_delete_tasks":true,"scim_delete":"deactivate"}',1795859072397,1795859072418,NULL);
CREATE TABLE task_edges (
    task_id BIGINT NOT NULL REFERENCES tasks (task_id),
    waits_for BIGINT NOT NULL REFERENCES tasks (task_id),
    PRIMARY KEY (task_id, waits_for)
);
CREATE TABLE task_mappings (
    system_key BIGINT NOT NULL REFERENCES systems (system_key),
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (system_key, name)
);
CREATE TABLE tasks (
    task_id INTEGER PRIMARY KEY,
    job_id BIGINT NOT NULL REFERENCES provisioning_jobs (job_id),
    system_key BIGINT NOT NULL,
    kind TEXT NOT NULL,
    wish TEXT NOT NULL,
    account TEXT NOT NULL,
    account_folded TEXT NOT NULL,
    account_external_id TEXT,
    state TEXT NOT NULL,
    notices TEXT NOT NULL,
    delivery TEXT,
    not_before BIGINT,
    replans BIGINT NOT NULL,
    crashes BIGINT NOT NULL,
    result TEXT,
    failure TEXT,
    manifest TEXT,
    recreate TEXT,
    started_at BIGINT,
    finished_at BIGINT,
    lease_epoch BIGINT NOT NULL,
    lease_until BIGINT,
    lease_worker TEXT
);
INSERT INTO "tasks" VALUES(1,1,1,'create_account','{"deliver":"operator","name":"eve","path":"/","task":"create_account"}','eve','eve','AIDA5QM4UTLD3PI5EOJI5','succeeded','[{"kind":"first_sign_in","message":"IAMUserChangePassword is attached to eve, so that the first sign-in can succeed: nothing allows iam:ChangePassword"}]','operator',NULL,0,0,NULL,NULL,NULL,NULL,1795859072805,1795859072834,1,NULL,NULL);
CREATE TABLE tokens (
    token_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    role TEXT NOT NULL,
    systems TEXT NOT NULL,
    secret_sha256 BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT
);
INSERT INTO "tokens" VALUES('8478108a22cac906','admin','admin','[]',X'6B4BFA76C5C6D4F4116A2F58C8ED7C2E69112FE01338745E8D03042C04CFF460',1795859072361,NULL,NULL,NULL);
CREATE UNIQUE INDEX systems_by_id ON systems (system_id);
CREATE UNIQUE INDEX systems_by_name ON systems (name_folded) WHERE removed_at IS NULL;
CREATE INDEX import_runs_by_system ON import_runs (system_key, run_id);
CREATE INDEX import_runs_published ON import_runs (system_key, scope, run_id) WHERE state = 'published';
CREATE UNIQUE INDEX import_runs_running ON import_runs (system_key) WHERE state = 'running';
CREATE INDEX account_versions_until ON account_versions (system_key, valid_to_run);
CREATE INDEX account_versions_since ON account_versions (system_key, valid_from_run);
CREATE INDEX resource_versions_until ON resource_versions (system_key, valid_to_run);
CREATE INDEX resource_versions_since ON resource_versions (system_key, valid_from_run);
CREATE INDEX assignment_versions_until ON assignment_versions (system_key, valid_to_run);
CREATE INDEX assignment_versions_since ON assignment_versions (system_key, valid_from_run);
CREATE INDEX provisioning_jobs_by_system ON provisioning_jobs (system_key, job_id);
CREATE INDEX tasks_by_job ON tasks (job_id, task_id);
CREATE INDEX tasks_begun ON tasks (system_key, started_at) WHERE started_at IS NOT NULL;
CREATE INDEX tasks_open_by_system ON tasks (system_key, task_id) WHERE finished_at IS NULL;
CREATE INDEX tasks_open_by_job ON tasks (job_id, task_id) WHERE finished_at IS NULL;
CREATE INDEX tasks_running_by_name ON tasks (system_key, account_folded) WHERE state = 'running';
CREATE INDEX tasks_running_by_id ON tasks (system_key, account_external_id) WHERE state = 'running';
CREATE INDEX password_deliveries_by_task ON password_deliveries (task_id);
CREATE UNIQUE INDEX password_deliveries_by_lookup ON password_deliveries (lookup)
    WHERE state IN ('released', 'opened', 'expired');
CREATE INDEX password_deliveries_sealed ON password_deliveries (expires_at) WHERE ciphertext IS NOT NULL;
CREATE INDEX claims_by_system ON claims (system_key, state, claim_id);
CREATE UNIQUE INDEX claims_open ON claims (system_key, account_external_id, topic) WHERE state = 'open';
CREATE INDEX audit_log_by_system ON audit_log (system_id, seq);
CREATE TRIGGER audit_log_is_not_altered BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
CREATE TRIGGER audit_log_is_not_emptied BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('systems',1);
INSERT INTO "sqlite_sequence" VALUES('import_runs',1);
INSERT INTO "sqlite_sequence" VALUES('provisioning_jobs',1);
INSERT INTO "sqlite_sequence" VALUES('claims',3);
INSERT INTO "sqlite_sequence" VALUES('password_deliveries',1);
