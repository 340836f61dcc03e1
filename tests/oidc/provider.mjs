// A certified OpenID Connect provider for tests, on loopback. It logs in whoever the test
// names: GET /become?name=ada&groups=a,b. GET /logout?name=ada&sid=x answers with the logout
// token that it would send. Its keys are new with every start.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [port, redirectUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const current = { name: "nobody", groups: [], logoutToken: "" };
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const provider = new Provider(issuer, {
  clients: [{
    client_id: "portal",
    client_secret: "a secret of this test only",
    redirect_uris: [redirectUri],
    response_types: ["code"],
    grant_types: ["authorization_code", "refresh_token"],
    backchannel_logout_uri: "https://portal.example/login/oidc/logout",
    backchannel_logout_session_required: true,
    require_auth_time: true,
  }],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256" }] },
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
  conformIdTokenClaims: false,
  cookies: { keys: ["a key of this test only"] },
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: false } },
  async fetch(_address, options) {
    current.logoutToken = options.body.get("logout_token");
    return new Response("", { status: 200 });
  },
  issueRefreshToken: () => true,
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, groups: current.groups }),
  }),
  async loadExistingGrant(context) {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId,
      accountId: context.oidc.session.accountId,
    });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});

const answer = provider.callback();
createServer(async (request, response) => {
  const address = new URL(request.url, issuer);
  if (address.pathname === "/become") {
    current.name = address.searchParams.get("name");
    current.groups = address.searchParams.get("groups").split(",");
    return response.end("ok");
  }
  if (address.pathname === "/logout") {
    const client = await provider.Client.find("portal");
    const { searchParams } = address;
    await client.backchannelLogout(searchParams.get("name"), searchParams.get("sid"));
    return response.end(current.logoutToken);
  }
  if (address.pathname.startsWith("/interaction/")) {
    return provider.interactionFinished(
      request, response, { login: { accountId: current.name } });
  }
  return answer(request, response);
}).listen(Number(port), "127.0.0.1", () => process.stdout.write("ready\n"));
