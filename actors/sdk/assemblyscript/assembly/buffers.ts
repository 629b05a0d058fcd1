/** Sizes in bytes. A payload beyond them is refused with an error, never cut off. All of them fit into one page. */
export const OPERATION_MAX: u32 = 128;
export const PAYLOAD_MAX: u32 = 8192;
export const REPLY_MAX: u32 = 8192;
export const HOST_REQUEST_MAX: u32 = 9216;
export const HOST_REPLY_MAX: u32 = 8192;

export const operationBuffer = memory.data(OPERATION_MAX, 8);
export const payloadBuffer = memory.data(PAYLOAD_MAX, 8);
export const replyBuffer = memory.data(REPLY_MAX, 8);
export const hostRequestBuffer = memory.data(HOST_REQUEST_MAX, 8);
export const hostReplyBuffer = memory.data(HOST_REPLY_MAX, 8);
