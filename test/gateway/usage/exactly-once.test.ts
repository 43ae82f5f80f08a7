import { describeExactlyOnce } from './exactly-once-course.ts';

describeExactlyOnce(1, ['Postgres is killed', 'the gateway is killed', 'the connection is cut']);
