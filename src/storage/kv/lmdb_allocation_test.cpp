#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <malloc.h>

#include <gtest/gtest.h>

#include "storage/kv/kv_store.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::storage {
namespace {

/// Bytes in use on the heap, malloc's and new's alike.
std::size_t heap_bytes() {
  return ::mallinfo2().uordblks;
}

TEST(LmdbAllocation, AGetLeavesTheHeapAsItWas) {
  const testing::TemporaryFolder folder;
  auto store = open_kv_store("lmdb:///online", folder.path().string());
  ASSERT_TRUE(store) << store.error().message;
  const auto entries = std::to_array<KvEntry>({{"a", "1"}, {"b", "2"}});
  ASSERT_TRUE((*store)->put(entries));
  const auto keys = std::to_array<std::string_view>({"a", "b", "c"});
  std::size_t found = 0;
  std::size_t most = 0;
  const std::function<void(std::size_t, std::optional<std::string_view>)> visit =
      [&](std::size_t, std::optional<std::string_view> value) {
        found += value ? 1 : 0;
        most = std::max(most, heap_bytes());
      };
  ASSERT_TRUE((*store)->get(keys, visit));  // the first one makes the reader transaction
  const std::size_t before = heap_bytes();
  most = before;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE((*store)->get(keys, visit));
  EXPECT_EQ(most, before);  // measured while the transaction is open
  EXPECT_EQ(heap_bytes(), before);
  EXPECT_EQ(found, 202U);
}

}  // namespace
}  // namespace tenure::storage
