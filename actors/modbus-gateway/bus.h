// One request at a time on the bus: what was asked, the pieces of what comes back, and whom to leave alone for a while.
#include "points.h"

/// Called from many places: one copy will do.
#define ONCE __attribute__((noinline)) static

enum { PAUSE_MIN_MS = 1000, PAUSE_MAX_MS = 60000 };
/// Of one read: Modbus application protocol V1.1b3, 6.1 to 6.4.
enum { COILS_MAX = 2000, REGISTERS_MAX = 125 };

static struct {
  bool busy, writing, repeated;
  uint8_t unit, function;
  uint32_t start, count;  // registers or coils
  int32_t tries;
  uint32_t serial;
  uint8_t bytes[16];
  uint32_t len;
} request;

static uint8_t pieces[FRAME_MAX];
static uint32_t have;

/// Nobody is asked before `until`, in milliseconds of the monotonic clock; 0 for at once.
static struct {
  int64_t until;
  uint8_t failures;
} units[UNITS];

ONCE int64_t clock_ms(void) {
  iot_now time;
  return iot_timer_now(&time) ? time.monotonic_ns / 1000000 : 0;
}

ONCE void leave_alone(uint8_t unit, int64_t ms) {
  units[unit].until = clock_ms() + ms;
  // If another pause takes the timer, the next round finds that this one is over.
  iot_timer_after(IOT_TEXT("wake"), (uint32_t)ms);
}

static bool is_left_alone(uint8_t unit, int64_t ms) { return units[unit].until > ms; }

/// Who does not answer costs the others time: it is asked less and less often.
static void has_failed(uint8_t unit) {
  int64_t pause = PAUSE_MIN_MS;
  for (uint32_t n = 0; n < units[unit].failures && pause < PAUSE_MAX_MS; n++) pause *= 2;
  if (units[unit].failures < UINT8_MAX) units[unit].failures++;
  leave_alone(unit, pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
}

/// Answers carry no number. When a request had to be repeated, the answer to its first copy may still be on its way, and
/// would be taken for that to the next one: the unit is asked nothing before it has been quiet for twice the timeout.
static void has_answered(uint8_t unit, int32_t timeout) {
  units[unit].failures = 0;
  units[unit].until = 0;
  if (request.repeated) leave_alone(unit, 2 * timeout);
}

/// A frame that nobody waits for.
static void stray(iot_bytes frame, int32_t timeout) {
  if (!frame_is_good(frame) || frame.at[0] >= UNITS || units[frame.at[0]].until == 0) return;
  if (!is_left_alone(frame.at[0], clock_ms() + 2 * timeout)) leave_alone(frame.at[0], 2 * timeout);
}

static uint32_t data_bytes(void) {
  return request.function <= READ_DISCRETE ? (request.count + 7) / 8 : request.count * 2;
}

/// At 9600 baud a byte takes more than a millisecond: a long answer gets more time than a short one.
static uint32_t patience(int32_t timeout) {
  uint32_t bytes = request.writing ? 8 : data_bytes() + 5;
  return (uint32_t)timeout + (bytes > 32 ? (bytes - 32) * 6 / 5 : 0);
}

/// How long an answer is that begins like this; 0 for what is no answer to this request.
static uint32_t answer_len(iot_bytes frame) {
  if (frame.len > 0 && frame.at[0] != request.unit) return 0;
  if (frame.len > 1 && (frame.at[1] & 0x7f) != request.function) return 0;
  if (frame.len < 3) return FRAME_MAX;
  uint32_t len = frame.at[1] & 0x80 ? 5 : request.writing ? 8 : frame.at[2] + 5u;
  return len <= FRAME_MAX ? len : 0;
}

static bool is_whole(iot_bytes frame) { return answer_len(frame) == frame.len && frame_is_good(frame); }

/// True when the answer is there. Adapters hand long frames on in portions, with gaps of their own between them, and some
/// hear themselves speak.
static bool collect(iot_bytes piece, iot_bytes *answer) {
  *answer = piece;
  if (is_whole(piece)) return true;
  if (piece.len >= request.len && iot_same((iot_bytes){piece.at, request.len}, (iot_bytes){request.bytes, request.len})) {
    piece = *answer = (iot_bytes){piece.at + request.len, piece.len - request.len};
    if (is_whole(piece)) return true;
  }
  if (have + piece.len > answer_len((iot_bytes){pieces, have})) have = 0;
  if (have == 0 && answer_len(piece) < piece.len) return false;
  iot_copy(pieces + have, piece.at, piece.len);
  have += piece.len;
  *answer = (iot_bytes){pieces, have};
  return is_whole(*answer);
}
