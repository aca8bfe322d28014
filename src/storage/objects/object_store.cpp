#include "storage/objects/object_store.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/descriptor.h"
#include "core/file.h"
#include "storage/objects/local_object_store.h"
#include "storage/objects/s3_object_store.h"
#include "storage/store_url.h"

namespace tenure::storage {

core::Result<> ObjectStore::put_file(std::string_view key, const std::filesystem::path& file) {
  std::error_code status;
  if (!std::filesystem::exists(file, status))
    return core::system_error(ENOENT, "cannot open", file);
  if (!std::filesystem::is_regular_file(file, status)) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("cannot store {}: not a file", file.string())};
  }
  const core::Descriptor source(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.is_open()) return core::system_error(errno, "cannot open", file);
  auto writer = create(key);
  if (!writer) return std::move(writer).error();
  std::string buffer(std::size_t{1} << 20, '\0');
  for (;;) {
    const ssize_t n = ::read(source.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return core::system_error(errno, "cannot read", file);
    if (n == 0) return (*writer)->commit();
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    if (auto written = (*writer)->write(bytes); !written) return written;
  }
}

core::Result<std::string> ObjectStore::presigned_url(Access, std::string_view key, int) {
  return core::Error{core::ErrorCode::kUnimplemented,
                     uri(key) + ": only objects in buckets have presigned URLs"};
}

core::Result<std::unique_ptr<ObjectStore>> open_object_store(std::string_view url,
                                                             const std::string& base) {
  if (url.starts_with("s3://")) {
    auto options = read_s3_options(url, process_variable);
    if (!options) return std::move(options).error();
    return open_s3_object_store(*std::move(options));
  }
  constexpr auto kSchemes = std::to_array<std::string_view>({"file", "s3"});
  auto where = parse_store_url(url, base, kSchemes, "object store");
  if (!where) return std::move(where).error();
  if (where->in_memory) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "object store URL: file needs a folder, :memory: is not supported"};
  }
  return open_local_object_store(where->path);
}

}  // namespace tenure::storage
