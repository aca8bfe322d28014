#include "cli/console.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <unistd.h>

#include <fmt/format.h>

namespace tenure::cli {

void write_output(std::string_view text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stdout));
  static_cast<void>(std::fflush(stdout));
}

void write_message(std::string_view text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

core::Result<> check_output() {
  errno = 0;
  std::cout.flush();  // the help of the argument parser
  const bool is_flushed = std::fflush(stdout) == 0;
  const int reason = errno;
  if (is_flushed && std::ferror(stdout) == 0 && std::cout.good()) return {};
  return core::Error{core::ErrorCode::kResourceExhausted,
                     fmt::format("cannot write to standard output{}{}", reason != 0 ? ": " : "",
                                 reason != 0 ? std::strerror(reason) : "")};
}

void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number is given: this one. Opened the wrong way round, it refuses every use.
    static_cast<void>(::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

}  // namespace tenure::cli
