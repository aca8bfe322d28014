#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "data/table.h"
#include "decision/campaign_selection.h"
#include "learn/model.h"
#include "serving/batch_scorer.h"

namespace tenure::serving {

/// Turns chunks of inputs into chunks of answers, for score_file(). One thread.
class BatchAnswers {
 public:
  BatchAnswers(const learn::Model& model, const BatchRequest& request)
      : model_(model), request_(request) {}

  /// The answers to the rows of `inputs` (one column an input, in the model's order), beside their
  /// ids. With a budget, also one column `value_column(k)` an offer: its expected profit where it
  /// may be made. Errors: those of Model::score.
  core::Result<data::Table> answer(data::Column id, data::Table inputs);

  /// Adds the rows of a chunk to the choice of offers, from the columns that answer() gave.
  core::Result<> add_candidates(const data::Table& answers,
                                decision::CampaignSelection& selection) const;

  static std::string value_column(std::size_t offer);
  static std::string cost_column(std::size_t offer);

 private:
  void add_reasons(const data::Table& inputs, data::Table& answers);
  void add_interactions(const data::Table& inputs, data::Table& answers);
  void add_recourse(const data::Table& inputs, std::span<const learn::Model::Score> scores,
                    std::span<const std::uint8_t> positives, std::span<const double> targets,
                    data::Table& answers) const;
  void add_actions(const data::Column& id, const data::Table& inputs,
                   std::span<const learn::Model::Score> scores,
                   std::vector<std::uint8_t>& positives, std::vector<double>& targets,
                   data::Table& answers) const;

  const learn::Model& model_;
  const BatchRequest& request_;
  learn::Explainer::Scratch explainer_;
  learn::ShapInteractions::Scratch interactions_;
};

}  // namespace tenure::serving
