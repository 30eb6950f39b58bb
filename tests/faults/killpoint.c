/* Ends a process, or its whole group, before the Nth call that changes the file system, counted over all processes that
 * share a counter. Loaded by LD_PRELOAD; the tests that use it compile it.
 *
 * KILLPOINT_COUNTER  a file of 8 zero bytes
 * KILLPOINT_KINDS    what counts: r rename, l link, u unlink, s fsync, c creation, w writing to a regular file
 * KILLPOINT_AT       the number of the call before which it ends; 0 only counts
 * KILLPOINT_GROUP    1: the process group ends, 0: the process
 * KILLPOINT_LOG      a file that gets a line for each call: number, kind, process, command, path
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned long *counter;

static unsigned long *shared(void) {
  const char *file = getenv("KILLPOINT_COUNTER");
  int fd = file ? (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC) : -1;
  void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd >= 0) syscall(SYS_close, fd);
  return page == MAP_FAILED ? NULL : page;
}

/* The first words of the command, for people. */
static void command(char *text, size_t size) {
  int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? 0 : syscall(SYS_read, fd, text, size - 1);
  if (fd >= 0) syscall(SYS_close, fd);
  text[got > 0 ? got : 0] = 0;
  for (ssize_t at = 0; at + 1 < got; at++)
    if (!text[at] || text[at] == '\t' || text[at] == '\n') text[at] = ' ';
}

static void note(char kind, const char *path) {
  const char *kinds = getenv("KILLPOINT_KINDS"), *at = getenv("KILLPOINT_AT"), *log = getenv("KILLPOINT_LOG");
  int saved = errno;
  if (kinds && at && strchr(kinds, kind) && (!path || strncmp(path, "/dev/", 5))) {
    if (!counter) counter = shared();
    unsigned long number = counter ? __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST) : 0;
    int fd = counter && log ? (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd >= 0) {
      char words[2000], line[4000];
      command(words, sizeof words);
      int size = snprintf(line, sizeof line, "%lu\t%c\t%d\t%s\t%s\n", number, kind, (int)getpid(), words, path ? path : "");
      syscall(SYS_write, fd, line, size < (int)sizeof line ? size : (int)sizeof line);
      syscall(SYS_close, fd);
    }
    if (counter && number == strtoul(at, NULL, 10)) {
      const char *group = getenv("KILLPOINT_GROUP");
      kill(group && *group == '1' ? 0 : getpid(), SIGKILL);
      for (;;) pause();
    }
  }
  errno = saved;
}

static void note_write(int fd) {
  struct stat found;
  int saved = errno;
  char link[64], path[1000];
  if (fstat(fd, &found) == 0 && S_ISREG(found.st_mode)) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    path[size > 0 ? size : 0] = 0;
    note('w', path);
  }
  errno = saved;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int rename(const char *old, const char *new) { REAL(rename); note('r', new); return real(old, new); }
int renameat(int from, const char *old, int to, const char *new) { REAL(renameat); note('r', new); return real(from, old, to, new); }
int link(const char *old, const char *new) { REAL(link); note('l', new); return real(old, new); }
int linkat(int from, const char *old, int to, const char *new, int flags) { REAL(linkat); note('l', new); return real(from, old, to, new, flags); }
int unlink(const char *path) { REAL(unlink); note('u', path); return real(path); }
int unlinkat(int where, const char *path, int flags) { REAL(unlinkat); note('u', path); return real(where, path, flags); }
int fsync(int fd) { REAL(fsync); note('s', NULL); return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); note('s', NULL); return real(fd); }
ssize_t write(int fd, const void *data, size_t size) { REAL(write); note_write(fd); return real(fd, data, size); }
ssize_t sendfile64(int to, int from, off64_t *offset, size_t size) {
  static ssize_t (*real)(int, int, off64_t *, size_t);
  if (!real) real = (ssize_t(*)(int, int, off64_t *, size_t))dlsym(RTLD_NEXT, "sendfile64");
  note_write(to);
  return real(to, from, offset, size);
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    if (flags & O_CREAT) note('c', path); \
    return real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
  int name(int where, const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    if (flags & O_CREAT) note('c', path); \
    return real(where, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)
