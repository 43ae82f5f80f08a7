import { withoutRedis } from '../limits/redis-server.ts';
import { describeExactlyOnce } from '../usage/exactly-once-course.ts';

describeExactlyOnce(2, [
  'Postgres is killed',
  'the gateway is killed',
  'a worker is killed',
  'the connection is cut',
  ...(withoutRedis ? [] : (['Redis is killed'] as const)),
]);
