#include "api/access/own_pages.h"

#include <gtest/gtest.h>

namespace tenure::api {
namespace {

TEST(IsOwnPage, IsWhatCameFromTheServerOrFromThisMachine) {
  for (const char* origin : {"", "http://ml.example:8000", "https://ML.example:8000",
                             "http://localhost:3000", "http://127.0.0.1", "http://[::1]:9"})
    EXPECT_TRUE(is_own_page(origin, "ml.example:8000", {})) << origin;
  for (const char* origin :
       {"null", "http://evil.example", "http://ml.example", "http://ml.example:8000.evil.example",
        "http://localhost.evil.example", "http://evil.example/localhost", "ml.example:8000"})
    EXPECT_FALSE(is_own_page(origin, "ml.example:8000", {})) << origin;
}

TEST(IsOwnPage, IsWhatTheConfigurationAllows) {
  EXPECT_TRUE(is_own_page("https://shop.example", "ml.example", {"https://shop.example"}));
  EXPECT_TRUE(is_own_page("https://any.example", "ml.example", {"*"}));
  EXPECT_FALSE(is_own_page("https://shop.example:1", "ml.example", {"https://shop.example"}));
}

class ForeignPages : public ::testing::Test {
 protected:
  static int asked(const net::Route& route, std::string_view origin) {
    const net::Request::Header headers[] = {{"origin", origin}, {"host", "ml.example"}};
    net::Request request;
    request.headers = headers;
    net::Response response;
    route.handler(request, response);
    if (route.before_body) {
      net::Response ahead;
      route.before_body(request, ahead);
      EXPECT_EQ(ahead.status == 403, response.status == 403);
    }
    return response.status;
  }
  static net::Route route(net::Method method, std::string_view path) {
    std::vector<net::Route> routes = {
        {.method = method, .path = path, .handler = [](const net::Request&, net::Response& out) {
           out.status = 200;
         }}};
    refuse_foreign_pages({}, routes);
    return routes.front();
  }
};

TEST_F(ForeignPages, MayNotChangeWhatIsTracked) {
  const net::Route upload = route(net::Method::kPost, "/ajax-api/2.0/mlflow/upload-artifact");
  EXPECT_EQ(asked(upload, "https://evil.example"), 403);
  EXPECT_EQ(asked(upload, "https://ml.example"), 200);
  EXPECT_EQ(asked(upload, ""), 200);
}

TEST_F(ForeignPages, MayReadAndMayPredict) {
  EXPECT_EQ(asked(route(net::Method::kGet, "/api/2.0/mlflow/runs/get"), "https://evil.example"),
            200);
  EXPECT_EQ(asked(route(net::Method::kPost, "/predict"), "https://evil.example"), 200);
}

}  // namespace
}  // namespace tenure::api
