#include "data/telco_population.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace tenure::data {
namespace {

// All constants below were fitted to the public Telco data set (7,043 customers): shares and
// conditional shares by counting, binary nodes by logistic regression, prices by least squares.

constexpr double kMaleShare = 0.5048;
constexpr double kSeniorShare = 0.1621;
constexpr double kPartnerShare[2] = {0.4794, 0.5018};                            // [senior]
constexpr double kDependentsShare[2][2] = {{0.1149, 0.5889}, {0.0141, 0.1449}};  // [sen][partner]

// [senior][dependents][DSL, fibre, none]
constexpr double kInternetShares[2][2][3] = {
    {{0.3570, 0.4281, 0.2148}, {0.3843, 0.2987, 0.3170}},
    {{0.2188, 0.7345, 0.0466}, {0.3187, 0.6484, 0.0330}},
};

// [internet][partner][dependents][month, one year, two years]
constexpr double kContractShares[3][2][2][3] = {
    {{{0.6642, 0.1978, 0.1379}, {0.5894, 0.2715, 0.1391}},
     {{0.3852, 0.2549, 0.3599}, {0.3119, 0.2752, 0.4128}}},
    {{{0.8109, 0.1214, 0.0677}, {0.7097, 0.1613, 0.1290}},
     {{0.6030, 0.2136, 0.1834}, {0.4938, 0.2513, 0.2548}}},
    {{{0.4978, 0.2340, 0.2683}, {0.4444, 0.2479, 0.3077}},
     {{0.1934, 0.2594, 0.5472}, {0.1844, 0.2338, 0.5817}}},
};

// Tenure is a quantile of its contract's distribution; internet moves the quantile.
// [contract][internet]
constexpr double kTenureShift[3][3] = {
    {-0.11, 0.18, -0.48}, {-0.08, 0.50, -0.62}, {0.09, 0.46, -0.40}};
constexpr double kTenureSpread = 0.95;
constexpr double kTenureMax = 72;
constexpr std::size_t kKnots = 15;
constexpr std::array<double, kKnots> kTenureLevels = {0,   0.02, 0.05, 0.1, 0.2,  0.3,  0.4, 0.5,
                                                      0.6, 0.7,  0.8,  0.9, 0.95, 0.98, 1};
// [contract][partner]
constexpr double kTenureQuantiles[3][2][kKnots] = {
    {{1, 1, 1, 1, 1, 3, 5, 8, 12, 18, 25, 38, 47, 57, 71},
     {1, 1, 1, 3, 6, 10, 16, 22, 28, 35, 44, 55, 61, 66, 72}},
    {{1, 4, 8, 12, 18, 26, 32, 38, 44, 50, 55, 63, 67, 70, 72},
     {1, 6, 12, 18, 26, 35, 43, 49, 54, 59, 64, 68, 70, 71, 72}},
    {{1, 6, 13, 21, 35, 45, 51, 57, 62, 66, 69, 71, 72, 72, 72},
     {1, 8, 16, 31, 47, 57, 63, 67, 70, 71, 72, 72, 72, 72, 72}},
};

// A node's log-odds: what all nodes share, then what only later nodes know.
struct Node {
  double base, log_tenure, senior, partner, dependents, fibre, no_internet, one_year, two_years;
  double lines = 0;
  std::array<double, kTelcoAddonCount> addons{};
  double paperless = 0;
};

constexpr Node kPhone{.906, .034, -.610, 0, 0, 0, 0, 0, 0};
constexpr Node kLines{-2.797, .722, .375, .184, -.156, 1.017, -.897, -.299, .275};
constexpr Node kAddons[kTelcoAddonCount] = {
    {-2.166, .517, -.294, .063, .200, -.864, 0, .578, 1.239},
    {-2.600, .635, .063, .058, .086, -.009, 0, .269, .643, .149, {.101}},
    {-2.482, .517, .031, .146, -.089, .173, 0, .721, 1.477, .086, {-.085, .026}},
    {-1.936, .351, -.468, -.113, .064, -.682, 0, .741, 1.761, -.058, {.259, .128, .249}},
    {-2.191, .314, .065, .113, .023, .832, 0, .435, .834, .255, {-.384, .035, .655, .299}},
    {-2.370, .265, .143, .078, -.180, .562, 0, .357, .663, .201, {-.227, -.056, .558, .203, 1.414}},
};
constexpr Node kPaperless{
    -.033, .078, .350, .003, -.131, .700, -.678, -.504, -.727, .200, {0, 0, 0, 0, .385, .250}};
// Log-odds against bank transfer.
constexpr Node kElectronicCheck{2.087, -.546, .223,   -.005, -.131, .573,
                                -.891, -.483, -1.228, 0,     {},    .270};
constexpr Node kMailedCheck{2.833, -.824, -.495, -.306, .211, -.825,
                            .584,  .150,  .081,  0,     {},   -.272};
constexpr Node kCreditCard{.164, -.061, .024, -.157, .083, -.097, -.080, .166, .215, 0, {}, .052};

constexpr double kPriceNoise = 1.02;  // dollars; discounts and the like
constexpr std::int64_t kMonthlyMinCents = 1825;
constexpr std::int64_t kMonthlyMaxCents = 11875;
// Past invoices differ from the price of today; variance per month, in units of the price.
constexpr double kInvoiceVariance = 2.0;

std::size_t index_of(bool flag) {
  return flag ? 1 : 0;
}

std::size_t draw_choice(core::Random& random, std::span<const double> weights) {
  double total = 0;
  for (const double weight : weights) total += weight;
  double left = random.uniform() * total;
  for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
    if (left < weights[i]) return i;
    left -= weights[i];
  }
  return weights.size() - 1;
}

double log_odds(const Node& node, const TelcoCustomer& c) {
  double sum = node.base + node.log_tenure * std::log1p(c.tenure);
  if (c.is_senior) sum += node.senior;
  if (c.has_partner) sum += node.partner;
  if (c.has_dependents) sum += node.dependents;
  if (c.internet == TelcoInternet::kFibre) sum += node.fibre;
  if (c.internet == TelcoInternet::kNone) sum += node.no_internet;
  if (c.contract == TelcoContract::kOneYear) sum += node.one_year;
  if (c.contract == TelcoContract::kTwoYear) sum += node.two_years;
  if (c.has_lines) sum += node.lines;
  for (std::size_t i = 0; i < kTelcoAddonCount; ++i) {
    if (c.addons[i]) sum += node.addons[i];
  }
  if (c.is_paperless) sum += node.paperless;
  return sum;
}

TelcoCustomer draw_person(core::Random& random) {
  TelcoCustomer c;
  c.is_male = random.bernoulli(kMaleShare);
  c.is_senior = random.bernoulli(kSeniorShare);
  const std::size_t senior = index_of(c.is_senior);
  c.has_partner = random.bernoulli(kPartnerShare[senior]);
  const std::size_t partner = index_of(c.has_partner);
  c.has_dependents = random.bernoulli(kDependentsShare[senior][partner]);
  const std::size_t dependents = index_of(c.has_dependents);
  const std::size_t internet = draw_choice(random, kInternetShares[senior][dependents]);
  c.internet = static_cast<TelcoInternet>(internet);
  c.contract = static_cast<TelcoContract>(
      draw_choice(random, kContractShares[internet][partner][dependents]));
  return c;
}

int draw_tenure(core::Random& random, const TelcoCustomer& c) {
  const auto contract = static_cast<std::size_t>(c.contract);
  const double z = kTenureShift[contract][static_cast<std::size_t>(c.internet)] +
                   kTenureSpread * random.normal();
  const double level = 0.5 * std::erfc(-z / std::sqrt(2.0));
  const auto& quantiles = kTenureQuantiles[contract][index_of(c.has_partner)];
  std::size_t k = 1;
  while (k + 1 < kKnots && kTenureLevels[k] < level) ++k;
  const double part = (level - kTenureLevels[k - 1]) / (kTenureLevels[k] - kTenureLevels[k - 1]);
  const double months = quantiles[k - 1] + part * (quantiles[k] - quantiles[k - 1]);
  // nearbyint rounds half to even, as the fit did.
  return static_cast<int>(std::clamp(std::nearbyint(months), 1.0, kTenureMax));
}

void draw_services(core::Random& random, TelcoCustomer& c) {
  const bool is_dsl = c.internet == TelcoInternet::kDsl;
  c.has_phone = !is_dsl || random.bernoulli(logistic(log_odds(kPhone, c)));
  c.has_lines = c.has_phone && random.bernoulli(logistic(log_odds(kLines, c)));
  if (c.internet != TelcoInternet::kNone) {
    for (std::size_t i = 0; i < kTelcoAddonCount; ++i) {
      c.addons[i] = random.bernoulli(logistic(log_odds(kAddons[i], c)));
    }
  }
  c.is_paperless = random.bernoulli(logistic(log_odds(kPaperless, c)));
  const double weights[4] = {1.0, std::exp(log_odds(kCreditCard, c)),
                             std::exp(log_odds(kElectronicCheck, c)),
                             std::exp(log_odds(kMailedCheck, c))};
  c.payment = static_cast<TelcoPayment>(draw_choice(random, weights));
}

void draw_money(core::Random& random, TelcoCustomer& c) {
  const std::int64_t list = telco_list_price_cents(c);
  const double price = static_cast<double>(list) / 100 + kPriceNoise * random.normal();
  c.monthly_cents = std::clamp(telco_round_cents(price), kMonthlyMinCents, kMonthlyMaxCents);
  c.discount_cents = c.monthly_cents - list;
  c.total_cents = c.monthly_cents;
  if (c.tenure > 1) {
    const double monthly = static_cast<double>(c.monthly_cents) / 100;
    const double months = c.tenure - 1;
    const double past =
        months * monthly + std::sqrt(kInvoiceVariance * monthly * months) * random.normal();
    c.total_cents = telco_round_cents(monthly + std::max(0.0, past));
  }
}

}  // namespace

double logistic(double log_odds) {
  return 1.0 / (1.0 + std::exp(-log_odds));
}

std::int64_t telco_round_cents(double amount) {
  return 5 * static_cast<std::int64_t>(std::floor(amount * 20.0 + 0.5));
}

TelcoCustomer draw_telco_customer(core::Random& random) {
  TelcoCustomer c = draw_person(random);
  c.tenure = draw_tenure(random, c);
  draw_services(random, c);
  draw_money(random, c);
  return c;
}

TelcoCustomer draw_telco_signup(core::Random& random) {
  TelcoCustomer c = draw_person(random);
  c.tenure = 1;
  draw_services(random, c);
  draw_money(random, c);
  return c;
}

std::int64_t telco_list_price_cents(const TelcoCustomer& c) {
  std::int64_t dollars = 0;
  if (c.internet == TelcoInternet::kDsl) dollars += 25;
  if (c.internet == TelcoInternet::kFibre) dollars += 50;
  if (c.has_phone) dollars += 20;
  if (c.has_lines) dollars += 5;
  for (const TelcoAddon addon : {kSecurity, kBackup, kProtection, kSupport}) {
    if (c.addons[addon]) dollars += 5;
  }
  for (const TelcoAddon addon : {kTv, kMovies}) {
    if (c.addons[addon]) dollars += 10;
  }
  return dollars * 100;
}

double telco_churn_logit(const TelcoCustomer& c) {
  const double lt = std::log1p(c.tenure);
  double eta = 0.843 - 0.748 * lt;
  if (c.contract == TelcoContract::kOneYear) eta += -1.714 + 0.341 * lt;
  if (c.contract == TelcoContract::kTwoYear) eta += -4.743 + 0.777 * lt;
  if (c.internet == TelcoInternet::kFibre) {
    eta += 0.983;
    if (c.contract == TelcoContract::kOneYear) eta -= 0.315;
  }
  if (c.internet == TelcoInternet::kNone) eta += -0.600 - 0.101 * lt;
  if (c.has_phone) eta -= 0.556;
  if (c.addons[kSecurity]) eta -= 0.333;
  if (c.addons[kSupport]) eta -= 0.294;
  if (c.has_lines) eta += 0.362;
  if (c.addons[kTv]) eta += 0.306;
  if (c.addons[kMovies]) eta += 0.317;
  if (c.is_paperless) eta += 0.345;
  if (c.payment == TelcoPayment::kElectronicCheck) eta += 0.329;
  if (c.is_senior) eta += 0.227;
  if (c.has_dependents) eta -= 0.102;
  return eta;
}

TelcoIds::TelcoIds(std::uint64_t seed) {
  core::Random random(seed);
  next_ = random.below(kTelcoIdCount);
  // Stepping by a number without common factor (2, 5, 13) visits every id once.
  do {
    step_ = random.below(kTelcoIdCount);
  } while (step_ % 2 == 0 || step_ % 5 == 0 || step_ % 13 == 0);
}

std::string TelcoIds::next() {
  std::uint64_t number = next_;
  next_ = (next_ + step_) % kTelcoIdCount;
  std::string id(10, '-');
  for (std::size_t i = 9; i >= 5; --i) {
    id[i] = static_cast<char>('A' + number % 26);
    number /= 26;
  }
  for (std::size_t i = 4; i-- > 0;) {
    id[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return id;
}

}  // namespace tenure::data
