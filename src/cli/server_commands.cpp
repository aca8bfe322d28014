#include <filesystem>

#include <fmt/format.h>

#include "app/server.h"
#include "cli/command.h"
#include "cli/console.h"

namespace tenure::cli {
namespace {

using Kind = Option::Kind;

core::Result<Output> up(const Arguments& arguments) {
  core::ConfigSource source = arguments.config;
  if (const auto host = arguments.given("--host"))
    source.overrides.push_back("serving.host=" + *host);
  if (const auto port = arguments.given("--port"))
    source.overrides.push_back("serving.port=" + *port);
  if (const auto port = arguments.given("--grpc-port"))
    source.overrides.push_back("serving.grpc_port=" + *port);
  if (arguments.flag("--insecure")) source.overrides.emplace_back("serving.insecure=true");
  auto project = app::Project::open_tracking(std::move(source));
  if (!project) return std::move(project).error();
  const bool is_json = arguments.is_json;
  const bool is_tracking_alone = !std::filesystem::exists(arguments.config.file);
  auto served = app::run_server(**project, [is_json,
                                            is_tracking_alone](const app::ServerFacts& facts) {
    if (is_json) {
      const core::JsonObject line{{"address", facts.address},
                                  {"grpc", facts.grpc},
                                  {"model", facts.model},
                                  {"version", facts.version},
                                  {"not_ready", facts.not_ready}};
      write_output(core::to_text(line) + "\n");
      return;
    }
    std::string text = fmt::format("Tenure answers at {0}  (try {0}/docs)\n", facts.address);
    if (!facts.grpc.empty()) text += fmt::format("gRPC at {}\n", facts.grpc);
    if (is_tracking_alone)
      text +=
          fmt::format("Tracking without a project. For clients: export MLFLOW_TRACKING_URI={}\n",
                      facts.address);
    if (facts.not_ready.empty())
      text += fmt::format("Serving {} version {}. Stop with Ctrl-C.\n", facts.model, facts.version);
    else if (is_tracking_alone)
      text += "A registered model is served with --set model.name=NAME. Stop with Ctrl-C.\n";
    else
      text += fmt::format("No model is served yet: {}. Stop with Ctrl-C.\n", facts.not_ready);
    write_output(text);
  });
  if (!served) return std::move(served).error();
  return Output{core::JsonObject{{"stopped", true}}, ""};
}

}  // namespace

std::vector<Command> server_commands() {
  return {{"up",
           "The server: every API in one process",
           "tenure up\ntenure up --port 9000\n"
           "TENURE_STORAGE__DATABASE=sqlite:///mlflow.db tenure up  # tracking alone, without a "
           "project",
           {{"--host", Kind::kValue, "ADDRESS", "Address to listen on (default: serving.host)"},
            {"--port", Kind::kValue, "PORT", "HTTP port, 0 = any free one (default: serving.port)"},
            {"--grpc-port", Kind::kValue, "PORT",
             "gRPC port, 0 = any free one (default: serving.grpc_port)"},
            {"--insecure", Kind::kFlag, "",
             "Allow an address that others can reach, although no token is asked for"}},
           up}};
}

}  // namespace tenure::cli
