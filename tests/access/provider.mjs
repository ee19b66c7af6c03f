// A certified identity provider (npm: oidc-provider) on a loopback port: node provider.mjs PORT REDIRECT_URI
// Its accounts are whatever name is typed; the groups of a name are what follows its first hyphen.
import Provider from 'oidc-provider';

const [port, redirect] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'stockpile', client_secret: 'for the tests only', redirect_uris: [redirect],
    grant_types: ['authorization_code'], response_types: ['code'] }],
  scopes: ['openid', 'profile', 'groups'],
  claims: { openid: ['sub'], profile: ['name'], groups: ['groups'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  findAccount: (_ctx, id) => ({ accountId: id,
    claims: () => ({ sub: id, name: `Person ${id}`, groups: id.includes('-') ? [id.split('-').slice(1).join('-')] : [] }) }),
});
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
