-- A key is that of one request of one caller, whatever it is about. Of keys that were used for several, the last stays.
DELETE FROM request_keys WHERE EXISTS (
    SELECT 1 FROM request_keys AS later
    WHERE later.caller = request_keys.caller AND later.request_key = request_keys.request_key
    AND (later.created_at, later.system_key, later.route)
        > (request_keys.created_at, request_keys.system_key, request_keys.route)
);
CREATE UNIQUE INDEX request_keys_once ON request_keys (caller, request_key);
