// Loaded into a program under measurement (LD_PRELOAD): notes in the file IOT_BENCH_WITNESS how often it has driven a
// line, and when it last did, by the monotonic clock in nanoseconds.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile struct {
  uint64_t count;
  uint64_t at;
} *witness;

__attribute__((constructor)) static void open_witness(void) {
  const char *path = getenv("IOT_BENCH_WITNESS");
  int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *memory = mmap(NULL, sizeof *witness, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory != MAP_FAILED) witness = memory;
  close(fd);
}

int ioctl(int fd, unsigned long request, void *argument) {
  long result = syscall(SYS_ioctl, fd, request, argument);
  if (witness != NULL && request == GPIO_V2_LINE_SET_VALUES_IOCTL && result == 0) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    witness->at = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    witness->count += 1;
  }
  return (int)result;
}
