#include "storage/objects/object_store.h"

#include <array>

#include "storage/objects/local_object_store.h"
#include "storage/objects/s3_object_store.h"
#include "storage/store_url.h"

namespace tenure::storage {

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
