#include "storage/store_url.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace tenure::storage {
namespace {

constexpr auto kSchemes = std::to_array<std::string_view>({"sqlite", "file"});

TEST(StoreUrl, ThreeSlashesAreRelativeToTheBase) {
  const auto url = parse_store_url("sqlite:///.tenure/tenure.db", "/project", kSchemes, "database");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->path, "/project/.tenure/tenure.db");
  EXPECT_EQ(url->scheme, "sqlite");
  EXPECT_FALSE(url->in_memory);
}

TEST(StoreUrl, FourSlashesAreAbsolute) {
  const auto url = parse_store_url("file:////var/lib/x/../objects/", "/project", kSchemes, "x");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->path, "/var/lib/objects");
}

TEST(StoreUrl, KnowsMemory) {
  const auto url = parse_store_url("sqlite://:memory:", "/project", kSchemes, "database");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->in_memory);
}

TEST(StoreUrl, AnUnknownSchemeNamesTheKnownOnesAndHidesTheRest) {
  const auto url = parse_store_url("oracle://scott:tiger@db/x", "", kSchemes, "database");
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_NE(url.error().message.find("sqlite, file"), std::string::npos) << url.error().message;
  EXPECT_EQ(url.error().message.find("tiger"), std::string::npos) << url.error().message;
}

TEST(StoreUrl, RefusesWhatIsNoPath) {
  const auto texts = std::to_array<std::string>(
      {"", "sqlite", "sqlite:", "sqlite://", "sqlite:///", "sqlite://host/x.db",
       "sqlite:///x.db?mode=ro", "sqlite:///x#y", std::string("sqlite:///x\0y", 13)});
  for (const std::string& text : texts) {
    const auto url = parse_store_url(text, "/project", kSchemes, "database");
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, core::ErrorCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace tenure::storage
