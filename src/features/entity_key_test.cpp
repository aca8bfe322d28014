#include "features/entity_key.h"

#include <limits>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "core/sha256.h"

namespace tenure::features {
namespace {

std::string hex(std::string_view bytes) {
  std::string digits;
  for (const char c : bytes) digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return digits;
}

std::string key_of(std::string_view join_column, std::int64_t id) {
  std::string bytes;
  append_entity_key(join_column, id, bytes);
  return bytes;
}
std::string key_of(std::string_view join_column, std::string_view id) {
  std::string bytes;
  append_entity_key(join_column, id, bytes);
  return bytes;
}

TEST(EntityKey, IsFeastsSerializationVersion3) {
  const std::string head = "01000000020000000b000000637573746f6d65725f6964";
  EXPECT_EQ(hex(key_of("customer_id", 1001)), head + "0400000008000000e903000000000000");
  EXPECT_EQ(hex(key_of("customer_id", -7)), head + "0400000008000000f9ffffffffffffff");
  EXPECT_EQ(hex(key_of("customer_id", "Zo\xc3\xab")), head + "02000000040000005a6fc3ab");
  EXPECT_EQ(hex(key_of("__dummy_id", "")),
            "01000000020000000a0000005f5f64756d6d795f69640200000000000000");
}

TEST(EntityKey, ReadsWholeNumbersOnly) {
  EXPECT_EQ(parse_integer_key("1001"), 1001);
  EXPECT_EQ(parse_integer_key("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (const char* text : {"", " 1", "1 ", "1.0", "+1", "0x10", "9223372036854775808", "abc"}) {
    EXPECT_EQ(parse_integer_key(text), std::nullopt) << text;
  }
}

TEST(OnlineKey, IsProjectThenEntityThenViewAndItsDefinition) {
  const auto parts = online_key_parts("churn", "usage", 0x04030201);
  ASSERT_TRUE(parts);
  std::string key;
  EXPECT_FALSE(append_online_key(*parts, key_of("customer_id", 1001), key));
  EXPECT_EQ(key, std::string("churn\0", 6) + key_of("customer_id", 1001) +
                     std::string("usage\0\x01\x02\x03\x04", 10));
}

TEST(OnlineKey, HashesWhatNoStoreWouldTake) {
  const OnlineKeyParts parts = *online_key_parts("churn", "usage", 0x04030201);
  const std::size_t fixed = parts.before.size() + parts.after.size() + key_of("id", "").size();
  std::string key;
  EXPECT_FALSE(
      append_online_key(parts, key_of("id", std::string(kOnlineKeyMax - fixed, 'x')), key));
  EXPECT_EQ(key.size(), kOnlineKeyMax);
  const std::string long_key = key_of("id", std::string(kOnlineKeyMax - fixed + 1, 'x'));
  key.clear();
  EXPECT_TRUE(append_online_key(parts, long_key, key));
  EXPECT_EQ(hex(key), hex(parts.before) + "ff" + core::sha256_hex(long_key) + hex(parts.after));
}

TEST(OnlineKey, RefusesNamesThatLeaveNoRoomOrHoldZeroBytes) {
  EXPECT_FALSE(online_key_parts(std::string("a\0b", 3), "usage", 0));
  EXPECT_FALSE(online_key_parts("churn", std::string(480, 'v'), 0));
  EXPECT_TRUE(online_key_parts("churn", std::string(467, 'v'), 0));
}

}  // namespace
}  // namespace tenure::features
