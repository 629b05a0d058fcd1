import { testHttpServerContract } from './http-server.contract.js';

testHttpServerContract('node');
