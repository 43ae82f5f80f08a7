import type { Section } from './exchange.ts';
import { answerBodies } from './exchanges/answer-bodies.ts';
import { answerHeaders } from './exchanges/answer-headers.ts';
import { answerStatuses } from './exchanges/answer-statuses.ts';
import { interimAnswers } from './exchanges/interim-answers.ts';
import { requestBodies } from './exchanges/request-bodies.ts';
import { requestHeaders } from './exchanges/request-headers.ts';
import { requestTargets } from './exchanges/request-targets.ts';
import { smuggling } from './exchanges/smuggling.ts';

/** Every exchange that the gateway is tested with, and compared by with other proxies. */
export const sections: Section[] = [
  { title: 'The request target', exchanges: requestTargets },
  { title: 'Headers of requests', exchanges: requestHeaders },
  { title: 'Bodies of requests', exchanges: requestBodies },
  { title: 'Requests in which another may hide', exchanges: smuggling },
  { title: 'The first line of answers', exchanges: answerStatuses },
  { title: 'Headers of answers', exchanges: answerHeaders },
  { title: 'Bodies of answers', exchanges: answerBodies },
  { title: 'Interim and early answers', exchanges: interimAnswers },
];
