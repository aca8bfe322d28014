#include "learn/gnuplot.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/wait.h>

#include "core/file.h"
#include "core/id.h"

namespace tenure::learn {
namespace {

/// Length in bytes of the UTF-8 letter that starts with `byte`.
std::size_t letter_size(unsigned char byte) {
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// Files of one run, gone when it ends.
struct WorkFiles {
  std::filesystem::path script;
  std::filesystem::path errors;
  ~WorkFiles() {
    std::error_code ignored;
    std::filesystem::remove(script, ignored);
    std::filesystem::remove(errors, ignored);
  }
};

/// Starts gnuplot with the script as standard input. 0, or the errno of the failed start.
int start(const WorkFiles& files, pid_t& pid) {
  posix_spawn_file_actions_t actions;
  if (const int failed = posix_spawn_file_actions_init(&actions); failed != 0) return failed;
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, files.script.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, files.errors.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::string program = "gnuplot";
  // -d: the user's own start-up file must not change our plots.
  std::string defaults = "-d";
  std::array<char*, 3> arguments = {program.data(), defaults.data(), nullptr};
  const int failed =
      posix_spawnp(&pid, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return failed;
}

}  // namespace

std::string gnuplot_quote(std::string_view text, std::size_t letters_max) {
  // Between single quotes gnuplot knows no escape, no command substitution and no macro; a quote is
  // doubled. What is left are control characters, which would end the line.
  std::string quoted = "'";
  std::size_t letters = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (letters++ == letters_max) {
      quoted += "…";
      break;
    }
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t size = std::min(letter_size(byte), text.size() - i);
    if (byte < 0x20 || byte == 0x7F)
      quoted += ' ';
    else if (byte == '\'')
      quoted += "''";
    else
      quoted += text.substr(i, size);
    i += size;
  }
  return quoted + "'";
}

core::Result<GnuplotOutcome> run_gnuplot(const std::filesystem::path& folder,
                                         std::string_view script) {
  auto made = core::make_directories(folder);
  if (!made) return std::move(made).error();
  const std::string id = core::random_hex_id();
  const WorkFiles files{.script = folder / ("." + id + ".gp"),
                        .errors = folder / ("." + id + ".err")};
  auto written = core::write_file_atomically(files.script, script);
  if (!written) return std::move(written).error();

  pid_t pid = 0;
  if (const int failed = start(files, pid); failed != 0) {
    if (failed == ENOENT) return GnuplotOutcome::kNotInstalled;
    return core::Error{core::ErrorCode::kUnavailable,
                       fmt::format("gnuplot could not be started: {}", std::strerror(failed))};
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return core::Error{core::ErrorCode::kUnavailable,
                         fmt::format("waiting for gnuplot: {}", std::strerror(errno))};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return GnuplotOutcome::kDone;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return GnuplotOutcome::kNotInstalled;
  auto words = core::read_file(files.errors);
  return core::Error{core::ErrorCode::kUnavailable,
                     fmt::format("gnuplot failed: {}", words ? *words : std::string("no reason"))};
}

}  // namespace tenure::learn
