export { type Cable, openCable } from './cable.js';
export { type Door, openDoor } from './door.js';
export { findOnPath } from './find-on-path.js';
export { canGuardS3, type GuardedBucket, startGuardedS3 } from './guarded-s3.js';
export { type HttpDoor, type HttpFault, openHttpDoor } from './http-door.js';
export { canStartRedis, type QueueBackend, queueBackends } from './queue-backends.js';
export {
  type RedisNode,
  type RedisSentinels,
  startRedisCluster,
  startRedisNode,
  startRedisSentinels,
  tellRedis,
} from './redis-nodes.js';
export { dockerAnswers } from './service-place.js';
export { type StackOptions, startStack, type TestStack } from './start-stack.js';
export { findSystemPostgres, type SystemPostgres, startSystemPostgres } from './system-postgres.js';
export { makeTestAuthority, type TestAuthority } from './test-authority.js';
export { type Template, type TestDatabase, testPostgres } from './test-postgres.js';
export { testPython } from './test-python.js';
export { canHaveS3, type TestBucket, testBucket, testS3Url } from './test-s3.js';
export { testRedisUrl } from './test-services.js';
