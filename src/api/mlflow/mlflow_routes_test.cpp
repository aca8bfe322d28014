#include "api/mlflow/mlflow_routes.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/access/guarded_routes.h"
#include "api/access/protocol_paths.h"
#include "api/mlflow/test_mlflow.h"
#include "core/metric.h"
#include "core/sha256.h"

namespace tenure::api::mlflow {
namespace {

using core::Role;
using net::Method;

std::vector<net::Route> whole_table(const MlflowServices& services) {
  std::vector<net::Route> routes = {
      {.method = Method::kGet, .path = "/", .handler = [](const net::Request&, net::Response& out) {
         out.body = "Tenure's own page";
       }}};
  add_routes(services, routes);
  return routes;
}

TEST(MlflowRoutes, AreOpenToNobodyButForThePageItself) {
  const TestMlflow server({whole_table}, "/no/such/folder");
  for (const net::Route& route : server.router().routes()) {
    const bool is_part_of_upload = route.path.find("/mpu/part/") != std::string_view::npos;
    const bool is_page = route.path == "/" || route.path.starts_with("/static-files/");
    if (route.role != Role::kAnyone) continue;
    EXPECT_TRUE(is_page || is_part_of_upload) << route.path;
  }
}

TEST(MlflowRoutes, LetViewersReadAndOperatorsWrite) {
  const TestMlflow server({whole_table});
  const std::set<std::string_view> kReadByPost = {"search",
                                                  "metrics",
                                                  "search-datasets",
                                                  "graphql",
                                                  "ui-telemetry",
                                                  "get-latest-versions",
                                                  "presigned-upload-url",
                                                  "presigned-download-url"};
  for (const net::Route& route : server.router().routes()) {
    if (!is_tracking_path(route.path) || route.role == Role::kAnyone) continue;
    const std::string_view call = route.path.substr(route.path.rfind('/') + 1);
    if (route.method == Method::kGet) {
      EXPECT_EQ(route.role, Role::kViewer) << route.path;
    } else if (kReadByPost.contains(call)) {
      EXPECT_LE(route.role, Role::kOperator) << route.path;
    } else {
      EXPECT_GE(route.role, Role::kOperator) << route.path;
    }
  }
}

TEST(MlflowRoutes, TakeThePlaceOfTheOwnPageOnlyWithAPageOfTheirOwn) {
  EXPECT_EQ(TestMlflow({whole_table}).get("/").body, "Tenure's own page");
  EXPECT_EQ(TestMlflow({whole_table}, "/no/such/folder").get("/").status, 404);
}

TEST(MlflowRoutes, AskForATokenAlsoAsBrowsersKnowIt) {
  core::ManualClock clock(1'000'000);
  core::MetricRegistry metrics;
  auth::Guard guard({.is_enabled = true}, clock, metrics);
  auth::Token reader, scoped;
  reader.id = reader.name = "reader";
  reader.digest = core::sha256("reader");
  reader.role = Role::kViewer;
  scoped.id = scoped.name = "scoped";
  scoped.digest = core::sha256("scoped");
  scoped.role = Role::kAdmin;
  scoped.models = {"other"};
  guard.set_tokens({reader, scoped});

  const TestMlflow services({});
  std::vector<net::Route> routes = whole_table(services.services());
  guard_routes({.guard = &guard, .model = "churn"}, routes);
  const net::Router router(std::move(routes));
  const auto ask = [&](Method method, std::string_view path, std::string_view authorization) {
    std::vector<std::pair<std::string_view, std::string_view>> parameters;
    const net::Router::Match match = router.match(method, path, parameters);
    const net::Request::Header headers[] = {{"authorization", authorization}};
    net::Request request;
    request.method = method;
    request.path = path;
    request.query = "experiment_id=0";
    request.content_type = "application/json";
    request.headers = headers;
    net::Response response;
    match.route->handler(request, response);
    return response;
  };
  constexpr std::string_view kGet = "/api/2.0/mlflow/experiments/get";
  const net::Response unknown = ask(Method::kGet, kGet, "");
  EXPECT_EQ(unknown.status, 401);
  EXPECT_EQ(std::count_if(unknown.headers.begin(), unknown.headers.end(),
                          [](const auto& header) {
                            return header.first == "WWW-Authenticate" &&
                                   header.second.starts_with("Basic ");
                          }),
            1);
  EXPECT_EQ(ask(Method::kGet, kGet, "Bearer reader").status, 200);
  EXPECT_EQ(ask(Method::kGet, kGet, "Basic bmFtZTpyZWFkZXI=").status, 200);  // name:reader
  EXPECT_EQ(ask(Method::kPost, "/api/2.0/mlflow/runs/create", "Bearer reader").status, 403);
  EXPECT_EQ(ask(Method::kGet, kGet, "Bearer scoped").status, 403);
}

}  // namespace
}  // namespace tenure::api::mlflow
