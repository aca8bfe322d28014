#include <fmt/format.h>

#include "app/doctor.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/render.h"
#include "core/config.h"

namespace tenure::cli {
namespace {

core::Result<Output> doctor(const Arguments& arguments) {
  const core::JsonObject report = app::examine(arguments.config);
  std::string text;
  for (const core::Json& check : report.at("checks").as_array()) {
    const std::string state = field(check, "state");
    text += fmt::format("{} {:<22} {}\n",
                        state == "ok"     ? "✓"
                        : state == "note" ? "-"
                                          : "✗",
                        field(check, "check"), field(check, "detail"));
  }
  Output output{report, std::move(text)};
  if (!report.at("healthy").as_bool())
    output.failure = {core::ErrorCode::kUnavailable, "something needs attention; see above"};
  return output;
}

core::Result<Output> config_schema(const Arguments&) {
  const std::string schema = core::config_json_schema();
  auto json = core::parse_json(schema);
  if (!json) return std::move(json).error();
  return Output{*std::move(json), schema + "\n"};
}

}  // namespace

std::vector<Command> admin_commands() {
  return {
      {"admin doctor", "Check the installation and the project", "tenure admin doctor", {}, doctor},
      {"admin schema",
       "JSON Schema of tenure.yaml, for editors",
       "tenure admin schema > tenure.schema.json",
       {},
       config_schema},
  };
}

}  // namespace tenure::cli
