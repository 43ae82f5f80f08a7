/** Whether this is the built package, which is plain JavaScript: a checkout runs TypeScript. */
export const isPackaged = !import.meta.url.endsWith('.ts');

/** What an operator types to run each command, without its arguments. */
export const commands = isPackaged
  ? {
      gateway: 'proxy-keys-gateway',
      login: 'proxy-keys-gateway login',
      maintain: 'proxy-keys-gateway maintain',
    }
  : {
      gateway: 'npm run gateway --',
      login: 'npm run gateway-login --',
      maintain: 'npm run maintain --',
    };
