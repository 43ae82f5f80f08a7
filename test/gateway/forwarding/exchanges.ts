import type { Section } from './exchange.ts';
import { answerBodies } from './exchanges/answer-bodies.ts';
import { answerHeaders } from './exchanges/answer-headers.ts';
import { answerStatuses } from './exchanges/answer-statuses.ts';
import { interimAnswers } from './exchanges/interim-answers.ts';
import { requestBodies } from './exchanges/request-bodies.ts';
import { requestHeaders } from './exchanges/request-headers.ts';
import { requestTargets } from './exchanges/request-targets.ts';
import { smuggling } from './exchanges/smuggling.ts';

/** Every exchange of the gateway's tests and of the comparison with other proxies. */
export const sections: Section[] = [
  { title: 'Request target', exchanges: requestTargets },
  { title: 'Request headers', exchanges: requestHeaders },
  { title: 'Request bodies', exchanges: requestBodies },
  { title: 'Request smuggling', exchanges: smuggling },
  { title: 'Answer status lines', exchanges: answerStatuses },
  { title: 'Answer headers', exchanges: answerHeaders },
  { title: 'Answer bodies', exchanges: answerBodies },
  { title: 'Interim and early answers', exchanges: interimAnswers },
];
