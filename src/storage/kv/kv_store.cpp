#include "storage/kv/kv_store.h"

#include <array>

#include "storage/kv/lmdb_store.h"
#include "storage/store_url.h"

namespace tenure::storage {

core::Result<std::optional<std::string>> KvStore::get(std::string_view key) {
  std::optional<std::string> result;
  auto found = get(std::span(&key, 1), [&](std::size_t, std::optional<std::string_view> value) {
    if (value) result.emplace(*value);
  });
  if (!found) return std::move(found).error();
  return result;
}

core::Result<> KvStore::settle(Pause /*pause*/) {
  return {};
}

core::Result<std::unique_ptr<KvStore>> open_kv_store(std::string_view url,
                                                     const std::string& base) {
  constexpr auto kSchemes = std::to_array<std::string_view>({"lmdb"});
  auto where = parse_store_url(url, base, kSchemes, "key-value store");
  if (!where) return std::move(where).error();
  if (where->in_memory) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "key-value store URL: lmdb needs a folder, :memory: is not supported"};
  }
  return open_lmdb_store(where->path, {});
}

}  // namespace tenure::storage
