#include "data/text_rule.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/engine.h"

namespace tenure::data {
namespace {

TEST(TextRule, TrimsEveryCharacterThatTheEngineTrims) {
  auto engine = std::move(*Engine::open());
  // All characters that UTF-8 can hold, on both sides of a letter.
  auto table = engine->query(
      "SELECT i, chr(i::INTEGER) || 'x' || chr(i::INTEGER) AS written, trim(chr(i::INTEGER) || 'x' "
      "|| chr(i::INTEGER)) AS trimmed "
      "FROM range(1, 1114112) t(i) WHERE i NOT BETWEEN 55296 AND 57343");
  ASSERT_TRUE(table) << table.error().message;
  ASSERT_GT(table->row_count(), 1'000'000U);
  std::size_t shortened = 0;
  for (std::size_t row = 0; row < table->row_count(); ++row) {
    const std::string_view text = trimmed(table->columns[1].text(row));
    ASSERT_EQ(text, table->columns[2].text(row)) << table->columns[0].number(row);
    shortened += text == "x" && table->columns[1].text(row) != "x" ? 1U : 0U;
  }
  EXPECT_EQ(shortened, 17U);
  EXPECT_EQ(trimmed("  \u00A0 a b \u3000 "), "a b");
  EXPECT_EQ(trimmed("   "), "");
}

TEST(TextRule, ReadsAMarkerAsTheNullValueOrAsMissing) {
  const TextRule bare{.null_markers = {"", "NA"}, .null_value = {}};
  EXPECT_EQ(bare.value(" fiber "), "fiber");
  EXPECT_EQ(bare.value(" NA"), std::nullopt);
  EXPECT_EQ(bare.value("  "), std::nullopt);
  EXPECT_EQ(bare.value("na"), "na");
  EXPECT_EQ(bare.missing(), std::nullopt);
  const TextRule replacing{.null_markers = {"NA"}, .null_value = "none"};
  EXPECT_EQ(replacing.value("NA"), "none");
  EXPECT_EQ(replacing.value(""), "");
  EXPECT_EQ(replacing.missing(), "none");
}

}  // namespace
}  // namespace tenure::data
