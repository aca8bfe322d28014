#include "data/parquet_file.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/file.h"
#include "core/id.h"

namespace tenure::data {
namespace {

using core::Result;

Result<> sync_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return core::system_error(errno, "cannot open", path);
  const int status = ::fsync(fd);
  const int reason = errno;
  ::close(fd);
  if (status != 0) return core::system_error(reason, "cannot sync", path);
  return {};
}

}  // namespace

Result<> write_parquet(Engine& engine, std::string_view query, const std::filesystem::path& path) {
  const std::filesystem::path folder =
      path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (auto made = core::make_directories(folder); !made) return made;
  std::filesystem::path temporary = path;
  temporary += "." + core::random_hex_id().substr(0, 12) + ".tmp";

  const auto write = [&]() -> Result<> {
    auto written =
        engine.execute(fmt::format("COPY ({}\n) TO {} (FORMAT parquet, USE_TMP_FILE false)", query,
                                   quote_text(temporary.string())));
    if (!written) return written;
    if (auto synced = sync_file(temporary); !synced) return synced;
    if (::rename(temporary.c_str(), path.c_str()) != 0)
      return core::system_error(errno, "cannot rename to", path);
    return core::sync_directory(folder);
  };
  auto done = write();
  if (!done) ::unlink(temporary.c_str());
  return done;
}

std::string quote_path(const std::filesystem::path& path) {
  std::string literal;
  for (const char c : path.string()) {
    const bool is_pattern = c == '*' || c == '?' || c == '[';
    literal += is_pattern ? fmt::format("[{}]", c) : std::string(1, c);
  }
  return quote_text(literal);
}

}  // namespace tenure::data
