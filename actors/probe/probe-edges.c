// Watches every input that its binding grants and counts the edges that it is told and those that it was not, by their numbers:
// for the tests of iot:gpio.
#include "iot_actor.h"

#define LINES_MAX 8

static struct {
  char name[32];
  uint32_t len;
  int64_t seq;
} watched[LINES_MAX];
static uint32_t used, told, missed;

static bool on_start(iot_bytes payload) {
  iot_start start;
  iot_list lines;
  iot_line line;
  if (!iot_read_start(payload, &start)) return false;
  if (!iot_gpio_lines(&lines)) return iot_fail_host(IOT_TEXT("iot:gpio Lines"));
  // Copied, since the next host call overwrites them.
  for (used = 0; used < LINES_MAX && iot_next_line(&lines, &line);) {
    if (line.output || line.name.len > sizeof watched[0].name) continue;
    for (uint32_t i = 0; i < line.name.len; i++) watched[used].name[i] = (char)line.name.at[i];
    watched[used++].len = line.name.len;
  }
  for (uint32_t i = 0; i < used; i++) {
    iot_bytes name = {(const uint8_t *)watched[i].name, watched[i].len};
    if (!iot_gpio_watch(name, IOT_TEXT("both"), 0)) return iot_fail_host(IOT_TEXT("iot:gpio Watch"));
  }
  return true;
}

static bool on_edge(iot_bytes payload) {
  iot_edge edge;
  if (!iot_read_edge(payload, &edge)) return false;
  for (uint32_t i = 0; i < used; i++) {
    iot_bytes name = {(const uint8_t *)watched[i].name, watched[i].len};
    if (!iot_same(name, edge.line)) continue;
    // Not beyond the last one: it has come twice.
    if (edge.seq <= watched[i].seq) return true;
    told++;
    missed += (uint32_t)(edge.seq - watched[i].seq - 1);
    watched[i].seq = edge.seq;
  }
  return true;
}

static bool on_edges(iot_bytes payload) {
  (void)payload;
  iot_writer w = iot_reply_writer();
  iot_cbor_put_array(&w, 2);
  iot_cbor_put_int(&w, told);
  iot_cbor_put_int(&w, missed);
  return iot_reply_written(&w);
}

IOT_OPERATIONS(IOT_ON("Start", on_start), IOT_ON("Edge", on_edge), IOT_ON("Edges", on_edges))
