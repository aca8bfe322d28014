#include "core/error.h"

#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "core/result.h"

namespace tenure::core {
namespace {

TEST(ErrorTable, HasARowForEveryCode) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    const ErrorCodeInfo& row = error_code_info(static_cast<ErrorCode>(i));
    EXPECT_EQ(static_cast<int>(row.code), i);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_GE(row.http_status, 400);
    EXPECT_LT(row.http_status, 600);
    EXPECT_GT(row.grpc_status, 0);
    EXPECT_LE(row.grpc_status, 16);
    EXPECT_NE(row.exit_code, 0);
    EXPECT_FALSE(row.mlflow_code.empty());
  }
}

TEST(ErrorTable, SpeaksTheProtocolsOfTheSpecification) {
  const ErrorCodeInfo& exists = error_code_info(ErrorCode::kAlreadyExists);
  EXPECT_EQ(exists.http_status, 409);
  EXPECT_EQ(exists.mlflow_code, "RESOURCE_ALREADY_EXISTS");
  EXPECT_EQ(exists.mlflow_http_status, 400);
  EXPECT_EQ(exists.grpc_status, 6);
  EXPECT_EQ(exists.exit_code, 4);
  EXPECT_EQ(error_code_info(ErrorCode::kInvalidArgument).exit_code, 2);
  EXPECT_EQ(error_code_info(ErrorCode::kCancelled).exit_code, 130);
}

TEST(Error, RemembersWhereItWasMadeAndGathersContext) {
  const int line = __LINE__ + 1;
  Error error{ErrorCode::kNotFound, "no such view"};
  EXPECT_EQ(error.line, line);
  EXPECT_NE(std::string_view(error.file).find("error_test.cpp"), std::string_view::npos);
  const Error outer = std::move(error).within("usage").within("features");
  EXPECT_EQ(outer.message, "features: usage: no such view");
  EXPECT_EQ(outer.code, ErrorCode::kNotFound);
  EXPECT_EQ(outer.line, line);
}

Result<int> half(int n) {
  if (n % 2 != 0) return Error{ErrorCode::kInvalidArgument, "odd"};
  return n / 2;
}

Result<> check(int n) {
  auto result = half(n);
  if (!result) return std::move(result).error().within("check");
  return {};
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_EQ(half(4).value_or(-1), 2);
  EXPECT_EQ(half(3).value_or(-1), -1);
  EXPECT_TRUE(check(2).has_value());
  const auto failed = check(1);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().message, "check: odd");
}

TEST(Result, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 5);
}

// Misuse that must not compile.
static_assert(!std::is_convertible_v<Result<int>, int>, "a value is taken knowingly");
static_assert(!std::is_convertible_v<Result<int>, bool>, "no silent conversion");
static_assert(!std::is_convertible_v<ErrorCode, Result<int>>, "an error needs a message");
static_assert(!std::is_constructible_v<Result<int>, std::string>, "another type is no value");
static_assert(std::is_convertible_v<Error, Result<int>>);
static_assert(std::is_nothrow_move_constructible_v<Result<std::string>>);

}  // namespace
}  // namespace tenure::core
