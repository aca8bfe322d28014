#include <bit>
#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/json.h"

namespace tenure::core {
namespace {

RC_GTEST_PROP(JsonProperty, DoublesComeBackToTheSameBits, (std::uint64_t bits)) {
  const auto number = std::bit_cast<double>(bits);
  RC_PRE(std::isfinite(number));
  const Json read = parse_json(to_text(Json(number))).value();
  RC_ASSERT(std::bit_cast<std::uint64_t>(read.as_double()) == bits);
  const Json nested = parse_json("{\"x\": [" + to_text(Json(number)) + " ]}").value();
  RC_ASSERT(std::bit_cast<std::uint64_t>(nested.at("x").at(0).as_double()) == bits);
}

TEST(JsonNumber, IsRoundedToTheNearestDouble) {
  EXPECT_EQ(parse_json("3.8525487207422042").value().as_double(), 3.8525487207422042);
  EXPECT_EQ(parse_json("92.06755487523537").value().as_double(), 92.06755487523537);
  EXPECT_EQ(parse_json("[7, 7.0, -0.0, 18446744073709551615]").value().at(3).as_uint64(),
            18446744073709551615ULL);
}

}  // namespace
}  // namespace tenure::core
