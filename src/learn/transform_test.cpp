#include "learn/transform.h"

#include <cmath>
#include <limits>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenure::learn {
namespace {

using data::Cell;
using data::Column;
using data::ColumnType;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

data::Table customers() {
  return {.columns = {Column::of_texts("Contract",
                                       {"Month", "Two year", "Month", "Month", "Two year", "One"}),
                      Column::of_numbers("tenure", {1, 72, 3, kNaN, 60, 24}),
                      Column::of_texts("Paperless", {"Yes", "No", "Yes", "Yes", "Yes", "No"})}};
}

const std::vector<InputField> kInputs = {{.name = "Contract", .type = ColumnType::kText},
                                         {.name = "tenure", .type = ColumnType::kNumber},
                                         {.name = "Paperless", .type = ColumnType::kText}};

std::vector<std::uint32_t> all_rows(const data::Table& table) {
  std::vector<std::uint32_t> rows(table.row_count());
  std::iota(rows.begin(), rows.end(), 0U);
  return rows;
}

Transform fit(const TransformSpec& spec, const data::Table& table = customers()) {
  return Transform::fit(spec, kInputs, table, all_rows(table)).value();
}

std::vector<float> encode(const Transform& transform, std::vector<Cell> cells) {
  std::vector<float> out(transform.outputs().size());
  transform.apply_row(cells, out);
  return out;
}

TEST(Transform, GivesEachCategoryAColumnTheMostFrequentFirst) {
  const Transform transform = fit({});
  EXPECT_THAT(transform.outputs(),
              ElementsAre("Contract=Month", "Contract=Two year", "Contract=One", "tenure",
                          "Paperless=Yes", "Paperless=No"));
  EXPECT_THAT(transform.output_origins(), ElementsAre(0, 0, 0, 1, 2, 2));
  EXPECT_THAT(transform.categories(0), ElementsAre("Month", "Two year", "One"));
  EXPECT_TRUE(transform.categories(1).empty());
  EXPECT_THAT(encode(transform, {Cell::of("Two year"), Cell::of(72.0), Cell::of("No")}),
              ElementsAre(0, 1, 0, 72, 0, 1));
}

TEST(Transform, GivesZerosForMissingAndUnseenCategoriesAndNaNForMissingNumbers) {
  const Transform transform = fit({});
  const auto out = encode(transform, {Cell::of("Weekly"), Cell::null(), Cell{}});
  EXPECT_THAT(out, ElementsAre(0, 0, 0, testing::IsNan(), 0, 0));
}

TEST(Transform, LetsRareAndUnseenCategoriesShareAColumnBeyondTheMaximum) {
  const Transform transform = fit({.categories_max = 2, .log = {}, .crosses = {}});
  EXPECT_EQ(transform.outputs()[2], "Contract=(other)");
  EXPECT_THAT(encode(transform, {Cell::of("One"), Cell::of(1.0), Cell::of("Yes")}),
              ElementsAre(0, 0, 1, 1, 1, 0));
  EXPECT_EQ(encode(transform, {Cell::of("Weekly"), Cell::of(1.0), Cell::of("Yes")})[2], 1);
  EXPECT_EQ(encode(transform, {Cell::null(), Cell::of(1.0), Cell::of("Yes")})[2], 0);
}

TEST(Transform, ImputesWithWhatItLearnt) {
  const auto missing = [](const Transform& transform) {
    return encode(transform, {Cell{}, Cell{}, Cell{}})[3];
  };
  EXPECT_EQ(missing(fit({.impute = "median", .log = {}, .crosses = {}})), 24);
  EXPECT_EQ(missing(fit({.impute = "mean", .log = {}, .crosses = {}})), 32);
  EXPECT_EQ(missing(fit({.impute = "zero", .log = {}, .crosses = {}})), 0);
}

TEST(Transform, TakesLogarithmsBeforeItScales) {
  const Transform plain = fit({.log = {"tenure"}, .crosses = {}});
  const auto out = encode(plain, {Cell{}, Cell::of(72.0), Cell{}});
  EXPECT_FLOAT_EQ(out[3], std::log(73.0F));
  EXPECT_TRUE(std::isnan(encode(plain, {Cell{}, Cell::of(-3.0), Cell{}})[3]));

  const Transform scaled = fit({.scale = "standard", .log = {}, .crosses = {}});
  double sum = 0, squares = 0;
  for (const double x : {1.0, 72.0, 3.0, 60.0, 24.0}) {
    const double y = encode(scaled, {Cell{}, Cell::of(x), Cell{}})[3];
    sum += y;
    squares += y * y;
  }
  EXPECT_NEAR(sum, 0, 1e-6);
  EXPECT_NEAR(squares / 5, 1, 1e-6);
}

TEST(Transform, CrossesCategoriesAndNumbers) {
  const Transform transform =
      fit({.log = {}, .crosses = {"tenure * Contract", "Contract*Paperless", "tenure * tenure"}});
  EXPECT_THAT(
      std::vector(transform.outputs().begin() + 6, transform.outputs().end()),
      ElementsAre("Contract=Month*tenure", "Contract=Two year*tenure", "Contract=One*tenure",
                  "Contract=Month*Paperless=Yes", "Contract=Two year*Paperless=Yes",
                  "Contract=Two year*Paperless=No", "Contract=One*Paperless=No", "tenure*tenure"));
  const auto out = encode(transform, {Cell::of("Two year"), Cell::of(60.0), Cell::of("Yes")});
  EXPECT_THAT(std::vector(out.begin() + 6, out.end()), ElementsAre(0, 60, 0, 0, 1, 0, 0, 3600));
  // A pair that the fit never saw has no column.
  const auto rare = encode(transform, {Cell::of("Month"), Cell::of(1.0), Cell::of("No")});
  EXPECT_THAT(std::vector(rare.begin() + 9, rare.begin() + 13), ElementsAre(0, 0, 0, 0));
}

TEST(Transform, KeepsOnlyPairsWithSupport) {
  std::vector<std::string> a(10'000, "x"), b(10'000, "y");
  for (std::size_t i = 0; i < 29; ++i) a[i] = "rare";
  for (std::size_t i = 9'900; i < 9'930; ++i) b[i] = "enough";
  const data::Table table{.columns = {Column::of_texts("a", a), Column::of_texts("b", b)}};
  const std::vector<InputField> inputs = {{.name = "a", .type = ColumnType::kText},
                                          {.name = "b", .type = ColumnType::kText}};
  const Transform transform =
      Transform::fit({.log = {}, .crosses = {"a * b"}}, inputs, table, all_rows(table)).value();
  EXPECT_THAT(std::vector(transform.outputs().begin() + 4, transform.outputs().end()),
              ElementsAre("a=x*b=y", "a=x*b=enough"));
}

TEST(Transform, MatchesANumberGivenForACategoryByItsText) {
  const data::Table table{.columns = {Column::of_integers("code", {7, 7, 12})}};
  const std::vector<InputField> inputs = {{.name = "code", .type = ColumnType::kText}};
  const Transform transform = Transform::fit({}, inputs, table, all_rows(table)).value();
  EXPECT_THAT(transform.outputs(), ElementsAre("code=7", "code=12"));
  EXPECT_THAT(encode(transform, {Cell::of(12.0)}), ElementsAre(0, 1));
  EXPECT_THAT(encode(transform, {Cell::of("12")}), ElementsAre(0, 1));
  EXPECT_THAT(encode(transform, {Cell::of(12.5)}), ElementsAre(0, 0));
}

TEST(Transform, LearnsOnlyFromTheRowsItWasGiven) {
  const data::Table table = customers();
  const std::vector<std::uint32_t> rows = {0, 2};
  const Transform transform =
      Transform::fit({.impute = "mean", .log = {}, .crosses = {}}, kInputs, table, rows).value();
  EXPECT_THAT(transform.outputs(), ElementsAre("Contract=Month", "tenure", "Paperless=Yes"));
  EXPECT_EQ(encode(transform, {Cell{}, Cell{}, Cell{}})[1], 2);
}

TEST(Transform, StopsNumbersAtTheEndsOfFloat32) {
  const Transform transform = fit({});
  EXPECT_EQ(encode(transform, {Cell{}, Cell::of(1e300), Cell{}})[3],
            std::numeric_limits<float>::max());
  EXPECT_TRUE(std::isnan(
      encode(transform, {Cell{}, Cell::of(std::numeric_limits<double>::infinity()), Cell{}})[3]));
}

TEST(Transform, NamesWhatIsWrongWithAWish) {
  const data::Table table = customers();
  const auto message = [&](const TransformSpec& spec) {
    auto result = Transform::fit(spec, kInputs, table, all_rows(table));
    return result ? std::string() : result.error().message;
  };
  EXPECT_THAT(message({.log = {"tenur"}, .crosses = {}}), HasSubstr("'tenur' is not an input"));
  EXPECT_THAT(message({.log = {"Contract"}, .crosses = {}}), HasSubstr("is a category"));
  EXPECT_THAT(message({.log = {}, .crosses = {"tenure + Contract"}}), HasSubstr("'a * b'"));
  EXPECT_THAT(message({.log = {}, .crosses = {"Contract * Contract"}}), HasSubstr("itself"));
  EXPECT_THAT(message({.impute = "mode", .log = {}, .crosses = {}}), HasSubstr("accepted: none"));
  EXPECT_FALSE(Transform::fit({}, kInputs, table, {}).has_value());
  const std::vector<std::uint32_t> outside = {99};
  EXPECT_FALSE(Transform::fit({}, kInputs, table, outside).has_value());

  const data::Table negative{.columns = {Column::of_numbers("x", {1, -1})}};
  const std::vector<InputField> x = {{.name = "x", .type = ColumnType::kNumber}};
  auto result = Transform::fit({.log = {"x"}, .crosses = {}}, x, negative, all_rows(negative));
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message, HasSubstr("'x' has the value -1 in row 1"));
}

TEST(Transform, NamesTheColumnThatATableLacksOrHoldsInAnotherType) {
  const Transform transform = fit({});
  data::Table table = customers();
  table.columns.pop_back();
  EXPECT_THAT(transform.apply(table).error().message, HasSubstr("Paperless"));
  table = customers();
  table.columns[1] = Column::of_texts("tenure", {"1", "2", "3", "4", "5", "6"});
  EXPECT_THAT(transform.apply(table).error().message, HasSubstr("'tenure' should hold numbers"));
}

TEST(Transform, GivesColumnsUniqueNames) {
  const data::Table table{
      .columns = {Column::of_texts("Plan", {"A", "B"}), Column::of_numbers("Plan=A", {1, 2})}};
  const std::vector<InputField> inputs = {{.name = "Plan", .type = ColumnType::kText},
                                          {.name = "Plan=A", .type = ColumnType::kNumber}};
  const Transform transform = Transform::fit({}, inputs, table, all_rows(table)).value();
  EXPECT_THAT(transform.outputs(), ElementsAre("Plan=A", "Plan=B", "Plan=A#2"));
}

TEST(TransformFile, NamesTheMemberThatIsWrong) {
  const Transform transform = fit({.log = {}, .crosses = {"Contract * Paperless"}});
  const auto message = [&](auto change) {
    core::Json json = transform.to_json();
    change(json.as_object());
    auto read = Transform::from_json(json);
    return read ? std::string() : read.error().message;
  };
  EXPECT_EQ(message([](core::JsonObject&) {}), "");
  EXPECT_THAT(message([](core::JsonObject& o) { o["format"] = "else"; }), HasSubstr("'format'"));
  EXPECT_THAT(message([](core::JsonObject& o) { o.erase("inputs"); }), HasSubstr("'inputs'"));
  EXPECT_THAT(
      message([](core::JsonObject& o) { o["inputs"].as_array()[1].as_object().erase("mean"); }),
      HasSubstr("inputs[1]"));
  EXPECT_THAT(message([](core::JsonObject& o) { o["outputs"].as_array()[0] = "x"; }),
              HasSubstr("'outputs'"));
  EXPECT_THAT(
      message([](core::JsonObject& o) {
        o["crosses"].as_array()[0].as_object()["pairs"].as_array()[0] = core::JsonArray{99, 0};
      }),
      HasSubstr("crosses[0].pairs"));
  core::Json newer = transform.to_json();
  newer.as_object()["version"] = 3;
  EXPECT_EQ(Transform::from_json(newer).error().code, core::ErrorCode::kUnimplemented);
  EXPECT_FALSE(Transform::from_json(core::Json("text")).has_value());
}

}  // namespace
}  // namespace tenure::learn
