// The verbs: what each request does with the networks, batches, tapes and gradients that are held by number.
#include <exception>
#include <map>
#include <memory>

#include "frame.hpp"
#include "rnn.hpp"

const char* const DESCRIPTION =
    R"({"status": "ok", "protocol": 1, "info": {)"
    R"("versions": {"gradsuite-cpp": "0.1.0"}, "devices": ["cpu"], "dtypes": ["float32", "float64"], "cells": ["rnn"],)"
    R"("state_gradients": ["states"], "libraries": ["cpp-loops: no BLAS, 1 thread"]}})";

// Something that is held, and the arrays of it that may be fetched.
struct Held {
    Arrays arrays;
    virtual ~Held() = default;
};

struct Tape : Held {
    virtual Arrays backward() const = 0;
};

struct Network : Held {
    virtual void assign(const Arrays& parameters) = 0;
    virtual std::shared_ptr<Held> put(const Arrays& batch) const = 0;
    virtual std::shared_ptr<Tape> forward(const Held& batch, bool states) const = 0;
};

template <class Real>
struct HeldBatch : Held {
    std::shared_ptr<const Batch<Real>> batch;
};

template <class Real>
struct HeldPass : Tape {
    Pass<Real> pass;
    bool states;

    HeldPass(Pass<Real> run, bool states) : pass(std::move(run)), states(states) { arrays = pass.results(); }
    Arrays backward() const override { return pass.backward(states); }
};

template <class Real>
struct NetworkOf : Network {
    Model model;
    std::shared_ptr<const Parameters<Real>> parameters;

    explicit NetworkOf(const Model& model) : model(model) {}

    void assign(const Arrays& given) override { parameters = std::make_shared<Parameters<Real>>(given); }

    std::shared_ptr<Held> put(const Arrays& given) const override {
        auto held = std::make_shared<HeldBatch<Real>>();
        held->batch = std::make_shared<Batch<Real>>(model, given);
        return held;
    }

    std::shared_ptr<Tape> forward(const Held& held, bool states) const override {
        const auto& batch = dynamic_cast<const HeldBatch<Real>&>(held).batch;
        return std::make_shared<HeldPass<Real>>(Pass<Real>(model, parameters, batch), states);
    }
};

std::shared_ptr<Network> build(const Json& request) {
    const Json& m = request["model"];
    const Model model{m["input_size"].number(),  m["hidden_size"].number(), m["output_size"].number(),
                      m["num_layers"].number(),  m["activation"].text(),    m["readout"].text(),
                      m["loss"].text()};
    if (request["dtype"].text() == "float32") return std::make_shared<NetworkOf<float>>(model);
    return std::make_shared<NetworkOf<double>>(model);
}

class Holder {
public:
    // Returns the header of the reply, and writes its arrays.
    std::string answer(const Json& request, const Arrays& given, Arrays& found) {
        if (request.has("release"))
            for (const Json& number : request["release"].as<Json::List>()) held.erase(number.number());
        const std::string verb = request["do"].text();
        if (verb == "describe") return DESCRIPTION;
        if (verb == "build") {
            const auto network = build(request);
            network->assign(given);
            hold(request, "network", network);
        } else if (verb == "assign") {
            get<Network>(request, "network").assign(given);
        } else if (verb == "put") {
            hold(request, "batch", get<Network>(request, "network").put(given));
        } else if (verb == "forward") {
            const Held& batch = get<Held>(request, "batch");
            hold(request, "tape", get<Network>(request, "network").forward(batch, request["states"].as<bool>()));
        } else if (verb == "backward") {
            const auto gradients = std::make_shared<Held>();
            gradients->arrays = get<Tape>(request, "tape").backward();
            hold(request, "gradients", gradients);
        } else if (verb == "fetch") {
            const Arrays& arrays = get<Held>(request, "from").arrays;
            for (const Json& name : request["names"].as<Json::List>()) found[name.text()] = arrays.at(name.text());
        } else {
            throw std::runtime_error("there is no verb '" + verb + "'");
        }
        return R"({"status": "ok"})";
    }

private:
    std::map<std::size_t, std::shared_ptr<Held>> held;

    void hold(const Json& request, const char* field, std::shared_ptr<Held> one) {
        held[request[field].number()] = std::move(one);
    }

    template <class Kind>
    Kind& get(const Json& request, const char* field) {
        const auto found = held.find(request[field].number());
        if (found == held.end()) throw std::runtime_error(std::string("there is no such ") + field);
        return dynamic_cast<Kind&>(*found->second);
    }
};

int main() {
    Holder holder;
    Json request;
    Arrays given;
    while (read_frame(request, given)) {
        Arrays found;
        std::string header;
        try {
            header = holder.answer(request, given, found);
        } catch (const std::exception& error) {
            found.clear();
            header = R"({"status": "error", "reason": )" + quoted(error.what()) + "}";
        }
        write_frame(header, found);
    }
}
