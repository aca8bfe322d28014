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

TEST(OnlineKey, BeginsWithProjectAndView) {
  const auto prefix = online_key_prefix("churn", "usage", 0x04030201);
  ASSERT_TRUE(prefix);
  EXPECT_EQ(*prefix, std::string("churn\0usage\0\x01\x02\x03\x04", 16));
  const OnlineKey key = make_online_key(*prefix, key_of("customer_id", 1001));
  EXPECT_EQ(key.bytes, *prefix + key_of("customer_id", 1001));
  EXPECT_TRUE(key.full_key.empty());
}

TEST(OnlineKey, HashesWhatNoStoreWouldTakeAndKeepsTheWhole) {
  const std::string prefix = *online_key_prefix("churn", "usage", 0x04030201);
  const std::size_t fixed = prefix.size() + key_of("id", "").size();
  const std::string fits = key_of("id", std::string(kOnlineKeyMax - fixed, 'x'));
  EXPECT_EQ(make_online_key(prefix, fits).bytes.size(), kOnlineKeyMax);
  EXPECT_TRUE(make_online_key(prefix, fits).full_key.empty());
  const std::string long_key = key_of("id", std::string(kOnlineKeyMax - fixed + 1, 'x'));
  const OnlineKey hashed = make_online_key(prefix, long_key);
  EXPECT_EQ(hex(hashed.bytes.substr(prefix.size())), "ff" + core::sha256_hex(long_key));
  EXPECT_EQ(hashed.full_key, long_key);
}

TEST(OnlineKey, RefusesNamesThatLeaveNoRoomOrHoldZeroBytes) {
  EXPECT_FALSE(online_key_prefix(std::string("a\0b", 3), "usage", 0));
  EXPECT_FALSE(online_key_prefix("churn", std::string(480, 'v'), 0));
  EXPECT_TRUE(online_key_prefix("churn", std::string(467, 'v'), 0));
}

}  // namespace
}  // namespace tenure::features
