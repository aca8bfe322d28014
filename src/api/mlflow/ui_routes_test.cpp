#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/mlflow/test_mlflow.h"
#include "core/file.h"

namespace tenure::api::mlflow {
namespace {

using net::Method;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string header_of(const net::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

TEST(OtherRoutes, TellWhatTheServerIs) {
  const TestMlflow server({ui_routes});
  for (const char* prefix : {"/api", "/ajax-api"}) {
    EXPECT_EQ(server.get(std::string(prefix) + "/3.0/mlflow/server-info").body,
              R"({"store_type":"SqlStore","workspaces_enabled":false})");
  }
  EXPECT_THAT(server.get("/ajax-api/3.0/mlflow/ui-telemetry").body,
              HasSubstr("\"disable_ui_telemetry\":true"));
  EXPECT_EQ(server.post("/ajax-api/3.0/mlflow/ui-telemetry", "{}").body,
            R"({"status":"disabled"})");
  EXPECT_EQ(server.get("/ajax-api/2.0/mlflow/gateway-proxy?gateway_path=x").body,
            R"({"endpoints":[]})");
}

TEST(OtherRoutes, FindNoTracesAndKeepNone) {
  const TestMlflow server({ui_routes});
  for (const char* path :
       {"/ajax-api/2.0/mlflow/traces?experiment_ids=1&max_results=1", "/api/2.0/mlflow/traces",
        "/ajax-api/3.0/mlflow/scorers/list", "/ajax-api/3.0/mlflow/gateway/endpoints/list"}) {
    const net::Response response = server.get(path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.body, "{}") << path;
  }
  for (const char* path :
       {"/api/3.0/mlflow/traces/search", "/ajax-api/3.0/mlflow/traces/metrics",
        "/ajax-api/3.0/mlflow/datasets/search", "/ajax-api/3.0/mlflow/issues/search"})
    EXPECT_EQ(server.post(path, "{}").body, "{}") << path;
  for (const char* path : {"/api/2.0/mlflow/traces", "/api/3.0/mlflow/traces",
                           "/api/3.0/mlflow/traces/t/assessments", "/api/3.0/mlflow/scorers"}) {
    const net::Response response = server.post(path, "{}");
    EXPECT_EQ(response.status, 501) << path;
    EXPECT_THAT(TestMlflow::error(response), StartsWith("NOT_IMPLEMENTED: ")) << path;
  }
  EXPECT_EQ(server.send(Method::kPatch, "/api/2.0/mlflow/traces/7", "{}").status, 501);
  EXPECT_EQ(server.get("/api/3.0/mlflow/experiments/search").status, 404);
}

class WebPage : public ::testing::Test {
 protected:
  void SetUp() override {
    write("build/index.html", "<html>page</html>");
    write("build/static/js/main.0123.js", "let a;");
    write("build/lib/a b.txt", "text");
    write("secret.txt", "secret");
    std::filesystem::create_symlink(folder_.path() / "secret.txt",
                                    folder_.path() / "build" / "link.txt");
  }
  void write(const std::string& name, std::string_view content) {
    ASSERT_TRUE(core::write_file_atomically(folder_.path() / name, content));
  }
  storage::testing::TemporaryFolder folder_;
};

TEST_F(WebPage, IsServedFromItsFolder) {
  const TestMlflow server({ui_routes}, (folder_.path() / "build").string());
  const net::Response page = server.get("/");
  EXPECT_EQ(page.body, "<html>page</html>");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(header_of(page, "Cache-Control"), "no-cache");
  EXPECT_EQ(header_of(page, "X-Frame-Options"), "SAMEORIGIN");
  const net::Response script = server.get("/static-files/static/js/main.0123.js");
  EXPECT_EQ(script.body, "let a;");
  EXPECT_EQ(script.content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(header_of(script, "Cache-Control"), "public, max-age=2419200");
  EXPECT_EQ(server.get("/static-files/lib/a%20b.txt").body, "text");
}

TEST_F(WebPage, ShowsNothingOutsideOfItsFolder) {
  const TestMlflow server({ui_routes}, (folder_.path() / "build").string());
  for (const char* path :
       {"../secret.txt", "static/../../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt",
        "link.txt", "/etc/passwd", "%2Fetc%2Fpasswd", "static", "static/", "", "no/such/file",
        "lib\\a b.txt", "index.html%00"}) {
    const net::Response response = server.get(std::string("/static-files/") + path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.body.find("secret\""), std::string::npos) << path;
  }
}

TEST_F(WebPage, TellsWhenItsFolderHasNoPage) {
  const TestMlflow server({ui_routes}, (folder_.path() / "nothing").string());
  const net::Response page = server.get("/");
  EXPECT_EQ(page.status, 404);
  EXPECT_THAT(page.error_detail, HasSubstr("nothing"));
}

TEST(OtherRoutes, HaveNoPageWithoutAFolder) {
  const TestMlflow server({ui_routes});
  EXPECT_EQ(server.get("/").status, 404);
  EXPECT_EQ(server.get("/static-files/index.html").status, 404);
}

}  // namespace
}  // namespace tenure::api::mlflow
