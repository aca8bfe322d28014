#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <functional>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/wait.h>

namespace tenure::storage::testing {

/// A forked child that runs `body` and ends with what it returns. Stores are opened inside the
/// body: none of them may be carried over a fork. Start it before the test starts threads.
class ChildProcess {
 public:
  /// What the body uses to tell the parent how far it came.
  class Reporter {
   public:
    explicit Reporter(int fd) : fd_(fd) {}
    bool report(std::int64_t number) const {
      return ::write(fd_, &number, sizeof number) == static_cast<ssize_t>(sizeof number);
    }

   private:
    int fd_;
  };

  explicit ChildProcess(const std::function<int(const Reporter&)>& body) {
    if (::pipe(pipe_.data()) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(pipe_[0]);
      ::_exit(body(Reporter(pipe_[1])));
    }
    ::close(pipe_[1]);
  }
  ~ChildProcess() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
    ::close(pipe_[0]);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// The next number the child reported, or `otherwise` once it has ended.
  std::int64_t next(std::int64_t otherwise) {
    std::int64_t number = 0;
    return ::read(pipe_[0], &number, sizeof number) == static_cast<ssize_t>(sizeof number)
               ? number
               : otherwise;
  }

  /// kill -9, then waits until it is gone.
  void kill_hard() {
    ::kill(pid_, SIGKILL);
    wait();
  }

  /// What the body returned, or -1 when a signal ended it.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  std::array<int, 2> pipe_{-1, -1};
  pid_t pid_ = -1;
};

/// In a child: files cannot grow beyond `bytes`, as on a disk that fills up.
inline void limit_file_size(std::uint64_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit limit { bytes, bytes };
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

/// In a child: gives up root, for which permission bits mean nothing.
inline bool become_ordinary_user() {
  constexpr unsigned kNobody = 65534;
  return ::geteuid() != 0 || (::setgid(kNobody) == 0 && ::setuid(kNobody) == 0);
}

}  // namespace tenure::storage::testing
