/** What the API gateway says itself, where nothing behind it can. */
export const ownMessages = {
  starting: 'The stack is starting.',
  away: 'The service behind this path does not answer.',
  noRoute: 'no Route matched with those values',
  failed: 'The API gateway could not handle this request.',
};
