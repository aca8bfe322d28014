#include "cli/render.h"

#include <gtest/gtest.h>

namespace tenure::cli {
namespace {

TEST(CountOf, HasTheRightNumberAndThousands) {
  const core::JsonObject counts{{"none", 0}, {"one", 1}, {"many", 12345}};
  EXPECT_EQ(count_of(counts, "none", "row"), "0 rows");
  EXPECT_EQ(count_of(counts, "one", "row"), "1 row");
  EXPECT_EQ(count_of(counts, "many", "row"), "12,345 rows");
}

TEST(Field, ShowsLargeAmountsWithThousandsAndSmallOnesWithDigits) {
  const core::JsonObject amounts{{"profit", 75522.4}, {"loss", -75522.6}, {"auc", 0.85}};
  EXPECT_EQ(field(amounts, "profit"), "75,522");
  EXPECT_EQ(field(amounts, "loss"), "-75,523");
  EXPECT_EQ(field(amounts, "auc"), "0.8500");
}

}  // namespace
}  // namespace tenure::cli
