#include "net/router.h"

#include <gtest/gtest.h>

namespace tenure::net {
namespace {

Route row(Method method, std::string_view path) {
  return {.method = method, .path = path, .handler = [](const Request&, Response&) {}};
}

class RouterTest : public testing::Test {
 protected:
  Router::Match match(Method method, std::string_view path) {
    return router_.match(method, path, parameters_);
  }
  std::string_view found(Method method, std::string_view path) {
    const Router::Match m = match(method, path);
    return m.route ? m.route->path : "";
  }

  Router router_{{
      row(Method::kGet, "/"),
      row(Method::kGet, "/health"),
      row(Method::kPost, "/predict"),
      row(Method::kGet, "/models/{model}"),
      row(Method::kPost, "/models/{model}/versions/{version}"),
      row(Method::kPost, "/models/search"),
      row(Method::kGet, "/models/{model}/ready"),
      row(Method::kGet, "/files/{path*}"),
      row(Method::kPut, "/files/{path*}"),
      row(Method::kGet, "/files/index"),
  }};
  std::vector<std::pair<std::string_view, std::string_view>> parameters_;
};

TEST_F(RouterTest, FindsPathsWithoutParameters) {
  EXPECT_EQ(found(Method::kGet, "/"), "/");
  EXPECT_EQ(found(Method::kGet, "/health"), "/health");
  EXPECT_EQ(found(Method::kPost, "/predict"), "/predict");
}

TEST_F(RouterTest, GivesParametersByName) {
  EXPECT_EQ(found(Method::kPost, "/models/telco/versions/3"), "/models/{model}/versions/{version}");
  ASSERT_EQ(parameters_.size(), 2U);
  EXPECT_EQ(parameters_[0].first, "model");
  EXPECT_EQ(parameters_[0].second, "telco");
  EXPECT_EQ(parameters_[1].first, "version");
  EXPECT_EQ(parameters_[1].second, "3");
}

TEST_F(RouterTest, LeavesSegmentsAsTheyWereSent) {
  EXPECT_EQ(found(Method::kGet, "/models/a%2Fb"), "/models/{model}");
  EXPECT_EQ(parameters_[0].second, "a%2Fb");
}

TEST_F(RouterTest, PrefersLiteralSegmentsToParameters) {
  EXPECT_EQ(found(Method::kPost, "/models/search"), "/models/search");
  EXPECT_EQ(found(Method::kGet, "/files/index"), "/files/index");
  EXPECT_TRUE(parameters_.empty());
}

TEST_F(RouterTest, GoesBackWhenTheLiteralSegmentLeadsNowhere) {
  EXPECT_EQ(found(Method::kGet, "/models/search"), "/models/{model}");
  EXPECT_EQ(found(Method::kGet, "/models/search/ready"), "/models/{model}/ready");
  ASSERT_EQ(parameters_.size(), 1U);
  EXPECT_EQ(parameters_[0].second, "search");
}

TEST_F(RouterTest, GivesTheRestOfThePathToAStar) {
  EXPECT_EQ(found(Method::kPut, "/files/a/b/c.txt"), "/files/{path*}");
  ASSERT_EQ(parameters_.size(), 1U);
  EXPECT_EQ(parameters_[0].first, "path");
  EXPECT_EQ(parameters_[0].second, "a/b/c.txt");
  EXPECT_EQ(found(Method::kPut, "/files/index/x"), "/files/{path*}");
}

TEST_F(RouterTest, TellsAnUnknownPathFromAnUnknownMethod) {
  const Router::Match unknown = match(Method::kGet, "/nowhere");
  EXPECT_EQ(unknown.route, nullptr);
  EXPECT_FALSE(unknown.is_path_known);
  const Router::Match wrong = match(Method::kDelete, "/health");
  EXPECT_EQ(wrong.route, nullptr);
  EXPECT_TRUE(wrong.is_path_known);
  EXPECT_EQ(wrong.allow, "GET, HEAD");
  EXPECT_EQ(match(Method::kDelete, "/files/x").allow, "GET, HEAD, PUT");
}

TEST_F(RouterTest, AnswersHeadWithTheRowOfGet) {
  EXPECT_EQ(found(Method::kHead, "/health"), "/health");
  EXPECT_EQ(found(Method::kHead, "/predict"), "");
}

TEST_F(RouterTest, DoesNotMatchEmptySegmentsOrOtherPaths) {
  for (const std::string_view path : {"", "health", "/health/", "/models//ready", "/models/",
                                      "/files/", "/files", "//", "/models/a/b/c/d"}) {
    EXPECT_EQ(match(Method::kGet, path).route, nullptr) << path;
  }
}

using RouterDeathTest = RouterTest;

TEST_F(RouterDeathTest, RefusesTwoRowsWithOnePattern) {
  EXPECT_DEATH(Router({row(Method::kGet, "/a/{x}"), row(Method::kGet, "/a/{y}")}), "routes");
}

}  // namespace
}  // namespace tenure::net
