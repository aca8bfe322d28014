#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "app/pipeline_run.h"
#include "core/terminal.h"

namespace tenure::cli {

/// Shows the steps of a run on standard error as they go: a progress line on a terminal, one line
/// for each step that ended, everywhere.
class RunDisplay final : public app::RunObserver {
 public:
  void on_step(const app::RunRecord& run, const app::StepRecord& step) override;
  void on_progress(const app::StepRecord& step, std::uint64_t done, std::uint64_t total,
                   std::string_view note) override;

 private:
  std::string step_;  ///< the one the bar belongs to
  std::unique_ptr<core::ProgressBar> bar_;
};

/// The summary of run_pipeline for people.
std::string render_run_summary(const core::JsonObject& summary);

}  // namespace tenure::cli
