#include "storage/objects/object_store.h"

#include <array>

#include "storage/objects/local_object_store.h"
#include "storage/store_url.h"

namespace tenure::storage {

core::Result<std::unique_ptr<ObjectStore>> open_object_store(std::string_view url,
                                                             const std::string& base) {
  constexpr auto kSchemes = std::to_array<std::string_view>({"file"});
  auto where = parse_store_url(url, base, kSchemes, "object store");
  if (!where) return std::move(where).error();
  if (where->in_memory) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "object store URL: file needs a folder, :memory: is not supported"};
  }
  return open_local_object_store(where->path);
}

}  // namespace tenure::storage
