#include "api/access/guarded_routes.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/test_api.h"

namespace tenure::api {
namespace {

using core::Role;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

auth::Token token_of(const std::string& secret, Role role) {
  auth::Token token;
  token.id = secret;
  token.name = secret + "-name";
  token.digest = core::sha256(secret);
  token.role = role;
  return token;
}

std::string header_of(const net::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

/// "/v2/models/{model}/ready" → "/v2/models/churn/ready".
std::string example_of(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '{') {
      out += path[i];
      continue;
    }
    const std::size_t end = path.find('}', i);
    out += path.substr(i + 1, end - i - 1) == "model" ? "churn" : "7";
    i = end;
  }
  return out == "/v1/models/churn" ? "/v1/models/churn:predict" : out;
}

class GuardedRoutes : public testing::Test {
 protected:
  explicit GuardedRoutes(const auth::GuardOptions& options = {.is_enabled = true})
      : guard_(options, clock_, metrics_) {
    auth::Token scoped = token_of("scoped", Role::kAdmin);
    scoped.models = {"other"};
    guard_.set_tokens({token_of("viewer", Role::kViewer), token_of("operator", Role::kOperator),
                       token_of("admin", Role::kAdmin), scoped});
    api_ = std::make_unique<TestApi>(
        100, TestOptions{.guard = &guard_, .origins = {"https://shop.example"}});
    api_->serve_mixed();
  }
  net::Response ask(const net::Route& route, std::string_view secret) {
    const std::string header = "Bearer " + std::string(secret);
    RequestExtra extra;
    if (!secret.empty()) extra.headers = {{"authorization", header}};
    return api_->ask(route.method, example_of(route.path), "{}", extra);
  }
  core::ManualClock clock_{1'000'000'000};
  core::MetricRegistry metrics_;
  auth::Guard guard_;
  std::unique_ptr<TestApi> api_;
};

TEST_F(GuardedRoutes, AskEveryRouteOfTheTableForItsRole) {
  const std::map<std::string, Role> secrets = {
      {"viewer", Role::kViewer}, {"operator", Role::kOperator}, {"admin", Role::kAdmin}};
  int guarded = 0;
  for (const net::Route& route : api_->router().routes()) {
    SCOPED_TRACE(fmt::format("{} {}", net::method_name(route.method), route.path));
    const bool is_open = route.role == Role::kAnyone;
    const net::Response without = ask(route, "");
    EXPECT_EQ(without.status == 401, !is_open);
    EXPECT_EQ(header_of(without, "WWW-Authenticate"), is_open ? "" : "Bearer realm=\"tenure\"");
    const net::Response wrong = ask(route, "guess");
    EXPECT_EQ(wrong.status == 401, !is_open);
    EXPECT_EQ(header_of(wrong, "WWW-Authenticate"),
              is_open ? "" : "Bearer realm=\"tenure\", error=\"invalid_token\"");
    for (const auto& [secret, role] : secrets) {
      const net::Response response = ask(route, secret);
      EXPECT_NE(response.status, 401) << secret;
      EXPECT_EQ(response.status == 403, role < route.role) << secret;
      if (role < route.role) {
        ++guarded;
        EXPECT_EQ(header_of(response, "WWW-Authenticate"),
                  "Bearer realm=\"tenure\", error=\"insufficient_scope\"");
      }
    }
  }
  EXPECT_GE(guarded, 2);
}

TEST_F(GuardedRoutes, AreOpenOnlyWhereThisListSaysSo) {
  std::set<std::string> open;
  for (const net::Route& route : api_->router().routes()) {
    if (route.role == Role::kAnyone && route.method != net::Method::kOptions)
      open.insert(fmt::format("{} {}", net::method_name(route.method), route.path));
  }
  const std::set<std::string> expected = {"GET /",
                                          "GET /docs",
                                          "GET /docs/start.js",
                                          "GET /docs/swagger-ui-bundle.js",
                                          "GET /docs/swagger-ui.css",
                                          "GET /floor",
                                          "GET /health",
                                          "GET /openapi.json",
                                          "GET /ping",
                                          "GET /ready",
                                          "GET /v1/models/{model}",
                                          "GET /v2",
                                          "GET /v2/health/live",
                                          "GET /v2/health/ready",
                                          "GET /v2/models/{model}/ready",
                                          "GET /v2/models/{model}/versions/{version}/ready",
                                          "GET /version",
                                          "POST /floor"};
  EXPECT_EQ(open, expected) << "an open route must be meant to be open";
}

TEST_F(GuardedRoutes, TakeTheTokenFromAnyOfThreePlaces) {
  const std::string body = R"({"features":[[3,50.5,"Pro",null]]})";
  for (const net::Request::Header& header :
       {net::Request::Header{"Authorization", "Bearer viewer"},
        net::Request::Header{"X-API-Key", "viewer"},
        net::Request::Header{"authorization", "Basic dXNlcjp2aWV3ZXI="}}) {
    EXPECT_EQ(api_->post("/predict", body, {.headers = {header}}).status, 200) << header.value;
    EXPECT_EQ(
        api_->post("/invocations", R"({"inputs":[[3,50.5,"Pro",null]]})", {.headers = {header}})
            .status,
        200);
  }
}

TEST_F(GuardedRoutes, NeverTellTheSecretThatWasShown) {
  const net::Response response = api_->post(
      "/predict", "{}", {.headers = {{"Authorization", "Bearer tnr_something_private"}}});
  EXPECT_EQ(response.status, 401);
  std::string all = response.body;
  for (const auto& [name, value] : response.headers) all += name + value;
  EXPECT_THAT(all, Not(HasSubstr("private")));
}

TEST_F(GuardedRoutes, KeepATokenToItsModelsWhereverTheyAreNamed) {
  for (const char* path :
       {"/predict", "/predict/batch", "/explain", "/decide", "/invocations",
        "/v1/models/churn:predict", "/v2/models/churn/infer", "/v2/models/ch%75rn/infer",
        "/v2/models/churn/versions/7/infer", "/v2/repository/models/churn/unload"}) {
    const net::Response response = api_->post(path, "{}", {.headers = {{"X-API-Key", "scoped"}}});
    EXPECT_EQ(response.status, 403) << path << response.body;
  }
  for (const char* path :
       {"/v1/models/other:predict", "/v2/models/other/infer", "/v2/models/othe%72/infer"})
    EXPECT_EQ(api_->post(path, "{}", {.headers = {{"X-API-Key", "scoped"}}}).status, 404) << path;
  for (const auto& [query, status] :
       {std::pair("model=churn", 403), std::pair("model=ch%75rn", 403), std::pair("explain=1", 403),
        std::pair("model=other", 404)})
    EXPECT_EQ(
        api_->post("/predict", "{}", {.query = query, .headers = {{"X-API-Key", "scoped"}}}).status,
        status)
        << query;
}

TEST_F(GuardedRoutes, LetNoQueryNameAModelThatTheRouteDoesNotAsk) {
  for (const net::Route& route : api_->router().routes()) {
    if (route.role == Role::kAnyone || route.path.find('{') != std::string_view::npos) continue;
    SCOPED_TRACE(route.path);
    const auto ask = [&](std::string_view query) {
      return api_
          ->ask(route.method, route.path, "{}",
                {.query = query, .headers = {{"X-API-Key", "scoped"}}})
          .status;
    };
    if (ask("") != 403) continue;  // speaks of no model
    // 404: the route has looked for the model that was named, and there is none.
    const int status = ask("model=other");
    EXPECT_TRUE(status == 403 || status == 404) << status;
  }
  for (const char* path : {"/fallback-stats", "/traffic", "/v2/models/stats"})
    EXPECT_EQ(api_->ask(net::Method::kGet, path, "",
                        {.query = "model=other", .headers = {{"X-API-Key", "scoped"}}})
                  .status,
              403)
        << path;
}

TEST_F(GuardedRoutes, GiveTheHandlerTheNameOfTheToken) {
  std::vector<net::Route> routes;
  std::string seen = "nobody";
  routes.push_back({.method = net::Method::kGet,
                    .path = "/who",
                    .handler = [&seen](const net::Request& request,
                                       net::Response&) { seen = request.principal; },
                    .role = Role::kOperator});
  guard_routes({.guard = &guard_, .model = "churn"}, routes);
  net::Request request;
  net::Response response;
  const std::vector<net::Request::Header> headers = {{"X-API-Key", "operator"}};
  request.headers = headers;
  routes.front().handler(request, response);
  EXPECT_EQ(seen, "operator-name");
  request.headers = {};
  routes.front().handler(request, response);
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(seen, "operator-name") << "the handler was not called";
}

TEST_F(GuardedRoutes, RefuseABodyBeforeItIsRead) {
  for (const net::Route& route : api_->router().routes()) {
    SCOPED_TRACE(route.path);
    ASSERT_EQ(static_cast<bool>(route.before_body), route.role != Role::kAnyone);
    if (!route.before_body) continue;
    net::Request request;
    net::Response response;
    route.before_body(request, response);
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(response.error_detail, "Not authenticated");
    const std::vector<net::Request::Header> headers = {{"X-API-Key", "admin"}};
    request.headers = headers;
    response.clear();
    route.before_body(request, response);
    EXPECT_EQ(response.error_detail, "");
  }
}

TEST_F(GuardedRoutes, CountABodyThatIsTakenAsItArrivesBeforeItAndNotAfter) {
  auth::Guard guard({.is_enabled = true, .per_token = {.requests = 2, .window = 60'000'000}},
                    clock_, metrics_);
  guard.set_tokens({token_of("one", Role::kOperator)});
  std::vector<net::Route> routes = {
      {.method = net::Method::kPut,
       .path = "/sink",
       .handler = [](const net::Request&, net::Response& out) { out.status = 200; },
       .role = Role::kOperator,
       .is_blocking = true,
       .open_body = [](const net::Request&) -> core::Result<std::unique_ptr<net::BodySink>> {
         return core::Error{core::ErrorCode::kInternal, "not asked here"};
       }}};
  guard_routes({.guard = &guard, .model = ""}, routes);
  const std::vector<net::Request::Header> headers = {{"X-API-Key", "one"}};
  net::Request request;
  request.headers = headers;
  const auto ask_ahead = [&] {
    net::Response response;
    routes.front().before_body(request, response);
    return response.status;
  };
  EXPECT_EQ(ask_ahead(), 200);
  EXPECT_EQ(ask_ahead(), 200);
  EXPECT_EQ(ask_ahead(), 429) << "the body of a third one is not read";
  for (int i = 0; i < 2; ++i) {
    net::Response response;
    routes.front().handler(request, response);
    EXPECT_EQ(response.status, 200) << "who was let in is not turned away afterwards";
  }
}

TEST_F(GuardedRoutes, AnswerPagesOfTheOriginsThatMayCall) {
  const std::string body = R"({"features":[[3,50.5,"Pro",null]]})";
  const auto ask_from = [&](std::string_view origin) {
    return api_->post("/predict", body, {.headers = {{"X-API-Key", "viewer"}, {"Origin", origin}}});
  };
  const net::Response shop = ask_from("https://shop.example");
  EXPECT_EQ(shop.status, 200);
  EXPECT_EQ(header_of(shop, "Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(header_of(shop, "Vary"), "Origin");
  EXPECT_THAT(header_of(shop, "Access-Control-Expose-Headers"), HasSubstr("X-Request-Id"));
  for (const char* other : {"https://evil.example", "https://shop.example.evil", "null", ""})
    EXPECT_EQ(header_of(ask_from(other), "Access-Control-Allow-Origin"), "") << other;
  // What is refused can be read by the page, too.
  const net::Response refused =
      api_->post("/predict", body, {.headers = {{"Origin", "https://shop.example"}}});
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(header_of(refused, "Access-Control-Allow-Origin"), "https://shop.example");
}

TEST_F(GuardedRoutes, AnswerPreflightsWithoutAToken) {
  const net::Response response = api_->ask(net::Method::kOptions, "/floor", "",
                                           {.headers = {{"Origin", "https://shop.example"}}});
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Methods"), "GET, POST");
  EXPECT_THAT(header_of(response, "Access-Control-Allow-Headers"),
              AllOf(HasSubstr("Authorization"), HasSubstr("X-API-Key")));
  const net::Response other = api_->ask(net::Method::kOptions, "/v2/models/churn/infer", "",
                                        {.headers = {{"Origin", "https://evil.example"}}});
  EXPECT_EQ(other.status, 204);
  EXPECT_EQ(header_of(other, "Access-Control-Allow-Origin"), "");
  EXPECT_EQ(header_of(other, "Access-Control-Allow-Methods"), "");
}

TEST_F(GuardedRoutes, DeclareTheirTokensInTheOpenApiDocument) {
  const core::Json document = TestApi::json(api_->get("/openapi.json"));
  const core::JsonObject& schemes = document.at("components").at("securitySchemes").as_object();
  EXPECT_EQ(schemes.at("bearer").at("scheme").as_string(), "bearer");
  EXPECT_EQ(schemes.at("api_key").at("name").as_string(), "X-API-Key");
  const core::JsonObject& paths = document.at("paths").as_object();
  EXPECT_TRUE(paths.at("/predict").at("post").as_object().contains("security"));
  EXPECT_TRUE(paths.at("/predict").at("post").at("responses").as_object().contains("401"));
  EXPECT_FALSE(paths.at("/health").at("get").as_object().contains("security"));
  TestApi open;
  const core::Json without = TestApi::json(open.get("/openapi.json"));
  EXPECT_FALSE(without.at("components").as_object().contains("securitySchemes"));
}

class LimitedRoutes : public GuardedRoutes {
 protected:
  LimitedRoutes()
      : GuardedRoutes({.is_enabled = true,
                       .per_token = {.requests = 2, .window = 60'000'000},
                       .anonymous = {.requests = 1, .window = 60'000'000}}) {}
};

TEST_F(LimitedRoutes, TellHowManyRequestsAreLeftAndWhenMoreCome) {
  const auto ask_models = [this] {
    return api_->ask(net::Method::kGet, "/v2/models", "", {.headers = {{"X-API-Key", "viewer"}}});
  };
  const net::Response first = ask_models();
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(header_of(first, "RateLimit-Policy"), "\"token\";q=2;w=60");
  EXPECT_EQ(header_of(first, "RateLimit"), "\"token\";r=1;t=30");
  EXPECT_EQ(header_of(first, "RateLimit-Limit"), "2");
  EXPECT_EQ(header_of(first, "RateLimit-Remaining"), "1");
  EXPECT_EQ(header_of(first, "RateLimit-Reset"), "30");
  EXPECT_EQ(header_of(first, "Retry-After"), "");
  EXPECT_EQ(ask_models().status, 200);
  const net::Response third = ask_models();
  EXPECT_EQ(third.status, 429);
  EXPECT_EQ(header_of(third, "Retry-After"), "30");
  EXPECT_EQ(header_of(third, "RateLimit"), "\"token\";r=0;t=60");
  clock_.advance(30'000'000);
  EXPECT_EQ(ask_models().status, 200);
  EXPECT_EQ(api_->get("/health").status, 200);
}

TEST_F(LimitedRoutes, LimitAddressesWithoutATokenAndLeaveProbesAlone) {
  const auto ask_from = [this](std::string_view remote) {
    return api_->ask(net::Method::kGet, "/v2/models", "", {.remote = remote}).status;
  };
  EXPECT_EQ(ask_from("10.0.0.1:1"), 401);
  EXPECT_EQ(ask_from("10.0.0.1:2"), 429);
  EXPECT_EQ(ask_from("10.0.0.2:1"), 401);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(api_->get("/ready").status, 200);
}

TEST(UnguardedRoutes, AnswerEverybodyAndCarryNoFurtherHeaders) {
  TestApi api;
  api.serve_mixed();
  const net::Response response =
      api.post("/predict", R"({"features":[[3,50.5,"Pro",null]]})",
               {.headers = {{"Authorization", "Bearer x"}, {"Origin", "https://shop.example"}}});
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.headers.empty());
  EXPECT_EQ(api.ask(net::Method::kOptions, "/predict").status, 405);
}

TEST(HtmlPages, LoadNothingFromElsewhereAndAreFramedByNobody) {
  TestApi api;
  for (const char* path : {"/", "/docs"}) {
    const net::Response response = api.get(path);
    EXPECT_THAT(header_of(response, "Content-Security-Policy"),
                AllOf(HasSubstr("default-src 'none'"), HasSubstr("frame-ancestors 'none'"),
                      HasSubstr("script-src 'self';")));
    EXPECT_EQ(header_of(response, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(header_of(response, "X-Frame-Options"), "DENY");
    EXPECT_THAT(response.body, Not(HasSubstr("<script>"))) << "the policy would stop it";
  }
  EXPECT_THAT(api.get("/docs/start.js").body, HasSubstr("SwaggerUIBundle({"));
}

TEST(FirstPage, LinksOnlyPathsThatCanBeOpenedAsTheyAre) {
  TestApi api;
  const std::string page = api.get("/").body;
  EXPECT_THAT(page, HasSubstr("<a href=\"/health\">"));
  EXPECT_THAT(page, HasSubstr("GET /v2/models/{model}"));
  EXPECT_THAT(page, Not(HasSubstr("<a href=\"/v2/models/{model}")));
}

TEST(Strangers, LearnOnlyWhetherTheServerIsReady) {
  core::ManualClock clock{1'000'000'000};
  core::MetricRegistry metrics;
  auth::Guard guard({.is_enabled = true}, clock, metrics);
  auth::Token scoped = token_of("scoped", Role::kAdmin);
  scoped.models = {"other"};
  guard.set_tokens({token_of("viewer", Role::kViewer), scoped});
  TestApi api(100, {.guard = &guard});
  const auto ask = [&api](std::string_view path, std::string_view secret) {
    const std::string header = "Bearer " + std::string(secret);
    RequestExtra extra;
    if (!secret.empty()) extra.headers = {{"authorization", header}};
    return api.ask(net::Method::kGet, path, "", extra);
  };
  // No model is live.
  for (const char* secret : {"", "guess", "scoped"}) {
    EXPECT_EQ(ask("/ready", secret).status, 503);
    EXPECT_THAT(ask("/ready", secret).body, Not(HasSubstr("\"model\""))) << secret;
    for (const char* path : {"/v2/models/churn/ready", "/v2/models/churn/versions/7/ready",
                             "/v1/models/churn", "/v1/models/fraud", "/v2/models/fraud/ready"}) {
      const net::Response answer = ask(path, secret);
      EXPECT_EQ(answer.status, 503) << path;
      EXPECT_EQ(answer.body, R"({"error":"The model is not ready"})") << path;
    }
  }
  EXPECT_THAT(ask("/ready", "viewer").body, HasSubstr("\"model\":null"));
  EXPECT_THAT(ask("/v2/models/fraud/ready", "viewer").body, HasSubstr("this server has churn"));
  api.serve_mixed();
  EXPECT_EQ(ask("/ready", "").status, 200);
  EXPECT_THAT(ask("/ready", "").body, Not(HasSubstr("churn")));
  EXPECT_THAT(ask("/ready", "viewer").body, HasSubstr("\"name\":\"churn\""));
  EXPECT_EQ(ask("/v2/models/churn/ready", "").status, 200);
  EXPECT_EQ(ask("/v1/models/fraud", "").status, 503);
}

}  // namespace
}  // namespace tenure::api
