#include "serving/batch_answers.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "serving/recourse_scorer.h"

namespace tenure::serving {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// The cells of one row of a table, borrowed.
void read_row(const data::Table& table, std::size_t row, std::vector<data::Cell>& cells) {
  cells.clear();
  for (const data::Column& column : table.columns) cells.push_back(column.cell(row));
}

}  // namespace

std::string BatchAnswers::value_column(std::size_t offer) {
  return fmt::format("_value_{}", offer);
}

std::string BatchAnswers::cost_column(std::size_t offer) {
  return fmt::format("_cost_{}", offer);
}

core::Result<data::Table> BatchAnswers::answer(data::Column id, data::Table inputs) {
  auto scores = model_.score(inputs);
  if (!scores) return std::move(scores).error();
  const learn::ModelFacts& facts = model_.facts();
  std::vector<double> probabilities;
  std::vector<std::uint8_t> positives;
  for (const learn::Model::Score& score : *scores) {
    probabilities.push_back(static_cast<double>(score.probability));
    positives.push_back(probabilities.back() >= facts.threshold ? 1 : 0);
  }
  // Where the decision about a row changes: below the threshold, at which it is positive already.
  std::vector<double> targets(scores->size(), std::nextafter(facts.threshold, -1));
  data::Table actions;
  if (request_.policy != nullptr) add_actions(id, inputs, *scores, positives, targets, actions);
  if (!request_.has_actions) actions.columns.clear();
  if (request_.recourse_target) std::ranges::fill(targets, *request_.recourse_target);
  std::vector<std::string> decisions;
  for (const std::uint8_t is_positive : positives)
    decisions.push_back(is_positive != 0 ? facts.positive : facts.negative);

  data::Table answers;
  answers.columns.push_back(std::move(id));
  answers.columns.push_back(data::Column::of_numbers("probability", std::move(probabilities)));
  answers.columns.push_back(data::Column::of_texts("decision", decisions));
  answers.columns.push_back(data::Column::of_integers(
      "model_version", std::vector<std::int64_t>(positives.size(), request_.model_version)));
  if (request_.reasons > 0) add_reasons(inputs, answers);
  if (request_.interactions > 0) add_interactions(inputs, answers);
  if (request_.recourse != nullptr) add_recourse(inputs, *scores, positives, targets, answers);
  for (data::Column& column : actions.columns) answers.columns.push_back(std::move(column));
  return answers;
}

void BatchAnswers::add_reasons(const data::Table& inputs, data::Table& answers) {
  const learn::Transform& transform = model_.transform();
  std::vector<data::Cell> cells;
  std::vector<float> encoded(transform.outputs().size());
  std::vector<double> log_odds(transform.inputs().size());
  std::vector<Contribution> contributions(log_odds.size());
  std::vector<Contribution> top(request_.reasons);
  std::vector<std::vector<std::string>> sentences(request_.reasons);
  const data::Column& decisions = answers.columns[2];
  Prediction prediction;
  prediction.contributions = contributions;
  for (std::size_t row = 0; row < inputs.row_count(); ++row) {
    read_row(inputs, row, cells);
    model_.score(cells, encoded);
    request_.explainer->explain(model_, encoded, explainer_, log_odds);
    for (std::uint32_t i = 0; i < log_odds.size(); ++i)
      contributions[i] = {
          .input = i, .log_odds = static_cast<float>(log_odds[i]), .value = cells[i]};
    prediction.is_positive = decisions.text(row) == model_.facts().positive;
    const std::size_t count = top_reasons(prediction, top);
    for (std::size_t k = 0; k < request_.reasons; ++k) {
      std::string& sentence = sentences[k].emplace_back();
      if (k < count)
        request_.texts->append(sentence, transform.inputs()[top[k].input], top[k].value,
                               top[k].log_odds > 0);
    }
  }
  for (std::size_t k = 0; k < request_.reasons; ++k)
    answers.columns.push_back(
        data::Column::of_texts(fmt::format("reason_{}", k + 1), sentences[k]));
}

void BatchAnswers::add_interactions(const data::Table& inputs, data::Table& answers) {
  const learn::Transform& transform = model_.transform();
  const std::size_t width = transform.inputs().size();
  std::vector<data::Cell> cells;
  std::vector<float> encoded(transform.outputs().size());
  std::vector<double> matrix(width * width);
  struct Pair {
    std::size_t a = 0, b = 0;
    double log_odds = 0;
  };
  std::vector<Pair> pairs;
  std::vector<std::vector<std::string>> names(request_.interactions);
  std::vector<std::vector<double>> values(request_.interactions);
  for (std::size_t row = 0; row < inputs.row_count(); ++row) {
    read_row(inputs, row, cells);
    model_.score(cells, encoded);
    request_.shap_interactions->by_input(model_, encoded, interactions_, matrix);
    pairs.clear();
    for (std::size_t a = 0; a < width; ++a) {
      for (std::size_t b = a + 1; b < width; ++b) {
        const double both = matrix[a * width + b] + matrix[b * width + a];
        if (both != 0) pairs.push_back({a, b, both});
      }
    }
    std::ranges::stable_sort(pairs, std::ranges::greater(),
                             [](const Pair& pair) { return std::fabs(pair.log_odds); });
    for (std::size_t k = 0; k < request_.interactions; ++k) {
      const bool is_there = k < pairs.size();
      values[k].push_back(is_there ? pairs[k].log_odds : kNone);
      names[k].push_back(is_there ? fmt::format("{} x {}", transform.inputs()[pairs[k].a].name,
                                                transform.inputs()[pairs[k].b].name)
                                  : "");
    }
  }
  for (std::size_t k = 0; k < request_.interactions; ++k) {
    const std::string name = fmt::format("interaction_{}", k + 1);
    answers.columns.push_back(data::Column::of_texts(name, names[k]));
    answers.columns.push_back(data::Column::of_numbers(name + "_log_odds", std::move(values[k])));
  }
}

void BatchAnswers::add_recourse(const data::Table& inputs,
                                std::span<const learn::Model::Score> scores,
                                std::span<const std::uint8_t> positives,
                                std::span<const double> targets, data::Table& answers) const {
  using decision::Recourse;
  const Recourse::Scorer score = recourse_scorer(model_);
  std::vector<std::vector<std::string>> texts(Recourse::kOptionsMax);
  std::vector<std::vector<double>> costs(Recourse::kOptionsMax), probabilities(costs);
  std::vector<data::Cell> cells;
  for (std::size_t row = 0; row < scores.size(); ++row) {
    Recourse::Answer answer;
    if (positives[row] != 0) {
      read_row(inputs, row, cells);
      answer = request_.recourse->search(cells, static_cast<double>(scores[row].probability),
                                         targets[row], score);
    }
    for (std::size_t k = 0; k < Recourse::kOptionsMax; ++k) {
      std::string& text = texts[k].emplace_back();
      // Options that fall short of the target are no advice for a list that nobody looks through.
      const bool is_there = answer.is_reached && k < answer.options.size();
      costs[k].push_back(is_there ? answer.options[k].cost : kNone);
      probabilities[k].push_back(is_there ? answer.options[k].probability : kNone);
      if (!is_there) continue;
      for (const std::uint32_t action : answer.options[k].actions)
        text += (text.empty() ? "" : " + ") + request_.recourse->actions()[action].label;
    }
  }
  for (std::size_t k = 0; k < Recourse::kOptionsMax; ++k) {
    const std::string name = fmt::format("recourse_{}", k + 1);
    answers.columns.push_back(data::Column::of_texts(name, texts[k]));
    answers.columns.push_back(data::Column::of_numbers(name + "_cost", std::move(costs[k])));
    answers.columns.push_back(
        data::Column::of_numbers(name + "_probability", std::move(probabilities[k])));
  }
}

void BatchAnswers::add_actions(const data::Column& id, const data::Table& inputs,
                               std::span<const learn::Model::Score> scores,
                               std::vector<std::uint8_t>& positives, std::vector<double>& targets,
                               data::Table& answers) const {
  const decision::Policy& policy = *request_.policy;
  const auto& conformal = model_.facts().conformal;
  const std::size_t offers =
      request_.has_actions && request_.has_limits() ? policy.offers().size() : 0;
  std::vector<std::string> actions, whys;
  std::vector<double> profits;
  std::vector<std::uint8_t> controls;
  std::vector<std::vector<double>> values(offers), costs(offers);
  std::vector<decision::OfferCandidate> candidates(policy.offers().size());
  std::vector<data::Cell> cells;
  for (std::size_t row = 0; row < scores.size(); ++row) {
    read_row(inputs, row, cells);
    const float probability = scores[row].probability;
    // Rows that are only numbered are nobody in particular, and in no control group.
    const std::string name = request_.id_column.empty() ? std::string() : id.display(row);
    const decision::Policy::Customer customer{
        .cells = cells,
        .probability = static_cast<double>(probability),
        .is_uncertain = conformal && !conformal->predict(probability).is_certain(),
        .id = name};
    const decision::Decision decision = policy.decide(customer);
    if (request_.has_own_thresholds) {
      positives[row] = decision.is_positive ? 1 : 0;
      targets[row] = decision.threshold;  // an offer pays above its break-even
    }
    controls.push_back(decision.is_control ? 1 : 0);
    actions.emplace_back(policy.action_name(decision));
    whys.emplace_back(decision::why_name(decision.why));
    profits.push_back(
        decision.action == decision::Decision::Action::kOffer ? decision.expected_profit : 0);
    if (offers == 0) continue;
    for (std::size_t k = 0; k < offers; ++k) {
      values[k].push_back(kNone);
      costs[k].push_back(kNone);
    }
    const std::size_t count = policy.candidates(customer, candidates);
    for (std::size_t k = 0; k < count; ++k) {
      values[candidates[k].offer].back() = candidates[k].value;
      costs[candidates[k].offer].back() = candidates[k].cost;
    }
  }
  answers.columns.push_back(data::Column::of_texts("action", actions));
  answers.columns.push_back(data::Column::of_texts("why", whys));
  if (policy.control_group().share() > 0)
    answers.columns.push_back({.name = "control",
                               .type = data::ColumnType::kBoolean,
                               .values = std::move(controls),
                               .valid = {}});
  answers.columns.push_back(data::Column::of_numbers("expected_profit", std::move(profits)));
  for (std::size_t k = 0; k < offers; ++k) {
    answers.columns.push_back(data::Column::of_numbers(value_column(k), std::move(values[k])));
    answers.columns.push_back(data::Column::of_numbers(cost_column(k), std::move(costs[k])));
  }
}

core::Result<> BatchAnswers::add_candidates(const data::Table& answers,
                                            decision::CampaignSelection& selection) const {
  std::vector<const data::Column*> values, costs;
  for (std::size_t k = 0; k < request_.policy->offers().size(); ++k) {
    values.push_back(answers.find(value_column(k)));
    costs.push_back(answers.find(cost_column(k)));
  }
  std::vector<decision::OfferCandidate> candidates;
  for (std::size_t row = 0; row < answers.row_count(); ++row) {
    candidates.clear();
    for (std::size_t k = 0; k < values.size(); ++k) {
      const double value = values[k]->number(row);
      if (std::isnan(value)) continue;
      candidates.push_back(
          {.offer = static_cast<std::uint16_t>(k), .value = value, .cost = costs[k]->number(row)});
    }
    if (auto added = selection.add(candidates); !added) return added;
  }
  return {};
}

}  // namespace tenure::serving
