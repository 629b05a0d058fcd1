import { Bytes } from './bytes';
import { hostCall, requestMsgPack } from './call';
import { text } from './text';

const LOGGING = text('wascc:logging');
const WRITE_LOG = text('WriteLog');
const LEVEL = text('level');
const BODY = text('body');

export const enum LogLevel { Error = 1, Warn, Info, Debug, Trace }

export function writeLog(level: LogLevel, body: Bytes): bool {
  const request = requestMsgPack();
  request.map(2);
  request.text(LEVEL);
  request.int(level);
  request.text(BODY);
  request.text(body);
  return hostCall(LOGGING, WRITE_LOG, request);
}
