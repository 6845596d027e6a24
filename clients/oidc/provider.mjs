// A certified OpenID Connect provider on a port of this machine, with people who are in groups.
import { createServer } from "node:http";

import Provider from "oidc-provider";

export const CLIENT = { id: "lyceum", secret: "a secret of at least some length" };

/** Starts a provider that lets browsers back to `redirectUri`; `people` maps logins to their groups. */
export async function startProvider(redirectUri, people) {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [redirectUri],
        response_types: ["code"],
        grant_types: ["authorization_code"],
      },
    ],
    claims: { openid: ["sub"], profile: ["preferred_username", "name"], groups: ["groups"] },
    scopes: ["openid", "profile", "groups"],
    cookies: { keys: ["only a test"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, name: `The ${id}`, groups: people[id] ?? [] }),
    }),
  });
  server.on("request", provider.callback());
  return { issuer, stop: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }) };
}
