#include "api/routes.h"

#include <memory>
#include <utility>

#include "api/docs/docs_http.h"
#include "api/health/health_http.h"
#include "api/predict/predict_http.h"

namespace tenure::api {
namespace {

using net::Method;
using net::Request;
using net::Response;
using net::Role;

constexpr bool kInline = false;   ///< answers within microseconds, on the event loop
constexpr bool kBlocking = true;  ///< runs on a worker thread
constexpr std::uint64_t kServerLimit = 0;
constexpr std::uint64_t kNoBody = 1024;

}  // namespace

std::vector<net::Route> make_routes(const Services& services) {
  const auto listed = std::make_shared<std::vector<ListedRoute>>();
  /// A handler that gets the services, or the services and the table itself.
  const auto with = [&services](auto handler) -> net::Handler {
    return [&services, handler](const Request& in, Response& out) { handler(services, in, out); };
  };
  const auto with_table = [&services, listed](auto handler) -> net::Handler {
    return [&services, listed, handler](const Request& in, Response& out) {
      handler(services, *listed, in, out);
    };
  };

  // clang-format off
  std::vector<net::Route> routes = {
    // method        path                           handler                 role             where      body          summary
    {Method::kPost, "/predict",                     with(predict),          Role::kViewer,   kInline,   kServerLimit, "Predict churn by customer id, by features, or both; one row or many"},
    {Method::kPost, "/predict/batch",               with(predict),          Role::kViewer,   kBlocking, kServerLimit, "As /predict, on a worker thread: for thousands of rows"},
    {Method::kGet,  "/model-info",                  with(model_info),       Role::kViewer,   kInline,   kNoBody,      "The live model: version, inputs, threshold, where it came from"},
    {Method::kGet,  "/health",                      with(health),           Role::kAnyone,   kInline,   kNoBody,      "200 while the process is alive"},
    {Method::kGet,  "/ready",                       with(ready),            Role::kAnyone,   kInline,   kNoBody,      "200 when predictions can be answered, else 503 with the reasons"},
    {Method::kGet,  "/metrics",                     with(metrics),          Role::kViewer,   kBlocking, kNoBody,      "Metrics in Prometheus text format"},
    {Method::kGet,  "/openapi.json",                with_table(openapi),    Role::kAnyone,   kBlocking, kNoBody,      "This interface as an OpenAPI 3.1 document"},
    {Method::kGet,  "/docs",                        docs_page,              Role::kAnyone,   kInline,   kNoBody,      "This interface in the browser (Swagger UI)"},
    {Method::kGet,  "/docs/swagger-ui.css",         docs_css,               Role::kAnyone,   kBlocking, kNoBody,      ""},
    {Method::kGet,  "/docs/swagger-ui-bundle.js",   docs_js,                Role::kAnyone,   kBlocking, kNoBody,      ""},
    {Method::kGet,  "/floor",                       with(floor_answer),     Role::kAnyone,   kInline,   kNoBody,      "A fixed answer, for measuring what HTTP alone costs"},
    {Method::kPost, "/floor",                       with(floor_answer),     Role::kAnyone,   kInline,   kServerLimit, "A fixed answer to any body, for measuring what HTTP alone costs"},
    {Method::kGet,  "/",                            with_table(index_page), Role::kAnyone,   kInline,   kNoBody,      ""},
  };
  // clang-format on
  for (const net::Route& route : routes) {
    if (route.summary.empty()) continue;  // parts of pages
    listed->push_back({route.method, std::string(route.path), std::string(route.summary)});
  }
  return routes;
}

}  // namespace tenure::api
