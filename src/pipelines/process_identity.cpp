#include "pipelines/process_identity.h"

#include <charconv>
#include <filesystem>
#include <unistd.h>

#include <fmt/format.h>

#include "core/file.h"

namespace tenure::pipelines {
namespace {

struct ProcessStatus {
  bool is_running = false;
  std::int64_t start_ticks = 0;
};

/// proc(5): field 3 is the state, field 22 the start time; field 2, the name, may hold anything,
/// but ends at the last parenthesis.
ProcessStatus read_status(std::int64_t pid) {
  const auto stat = core::read_file(fmt::format("/proc/{}/stat", pid));
  if (!stat) return {};
  std::size_t at = stat->rfind(')');
  if (at == std::string::npos || at + 2 >= stat->size()) return {};
  at += 2;
  const char state = (*stat)[at];
  for (int field = 3; field < 22; ++field) {
    at = stat->find(' ', at);
    if (at == std::string::npos) return {};
    ++at;
  }
  ProcessStatus status;
  std::from_chars(stat->data() + at, stat->data() + stat->size(), status.start_ticks);
  status.is_running = state != 'Z' && state != 'X';
  return status;
}

std::string this_host() {
  std::string boot = core::read_file("/proc/sys/kernel/random/boot_id").value_or("unknown\n");
  if (!boot.empty() && boot.back() == '\n') boot.pop_back();
  std::error_code status;
  const auto names = std::filesystem::read_symlink("/proc/self/ns/pid", status);
  return fmt::format("{} {}", boot, names.string());
}

}  // namespace

ProcessIdentity ProcessIdentity::current() {
  const auto pid = static_cast<std::int64_t>(::getpid());
  return {pid, read_status(pid).start_ticks, this_host()};
}

Liveness liveness_of(const ProcessIdentity& process) {
  if (process.host != this_host()) return Liveness::kUnknown;
  const ProcessStatus status = read_status(process.pid);
  const bool is_same = status.is_running && status.start_ticks == process.start_ticks;
  return is_same ? Liveness::kAlive : Liveness::kDead;
}

}  // namespace tenure::pipelines
