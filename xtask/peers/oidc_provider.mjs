// An identity provider that nobody here wrote (oidc-provider), for tests of signing in: somebody who gives the name N has
// the groups that follow it. `node oidc_provider.mjs MODULES PORT CLIENT SECRET REDIRECT`; says when it answers.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, port, clientId, clientSecret, redirect] = process.argv.slice(2);
const found = createRequire(`${modules}/x.js`).resolve("oidc-provider");
const { Provider, default: standard } = await import(pathToFileURL(found));

const GROUPS = { ada: ["staff", "iam-admins"], bea: ["staff", "iam-readers"], cleo: ["staff"] };
const issuer = `http://127.0.0.1:${port}`;
const provider = new (standard ?? Provider)(issuer, {
  clients: [
    { client_id: clientId, client_secret: clientSecret, redirect_uris: [redirect], response_types: ["code"] },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username"], groups: ["groups"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true, methods: ["S256"] },
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ["of a test"] },
  // Groups change while it runs: GET /groups/NAME/GROUP gives somebody one group alone.
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: `${id} <b>`, groups: GROUPS[id] ?? [] }),
  }),
});
provider.use(async (context, next) => {
  const [, name, group] = context.path.match(/^\/groups\/(\w+)\/([\w-]+)$/) ?? [];
  if (name === undefined) return next();
  GROUPS[name] = [group];
  context.body = "done";
});
provider.listen(Number(port), "127.0.0.1", () => console.log(JSON.stringify({ issuer })));
