// A frame: "GRAD", the lengths of header and payload, the header in JSON, and the payload in safetensors.
// Lengths and numbers are little-endian, as they are in the memory of the machines that this is for.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "json.hpp"

struct Array {
    std::string dtype;  // F64, F32 or I64
    std::vector<std::size_t> shape;
    std::vector<char> bytes;

    std::size_t size() const {
        std::size_t product = 1;
        for (std::size_t length : shape) product *= length;
        return product;
    }
};

using Arrays = std::map<std::string, Array>;

template <class Number>
const char* dtype_of();
template <>
inline const char* dtype_of<double>() { return "F64"; }
template <>
inline const char* dtype_of<float>() { return "F32"; }
template <>
inline const char* dtype_of<std::int64_t>() { return "I64"; }

template <class Number>
std::vector<Number> numbers(const Arrays& arrays, const std::string& name) {
    const Array& array = arrays.at(name);
    if (array.dtype != dtype_of<Number>()) throw std::runtime_error(name + " is " + array.dtype);
    std::vector<Number> found(array.size());
    std::memcpy(found.data(), array.bytes.data(), array.bytes.size());
    return found;
}

template <class Number>
Array array_of(const std::vector<Number>& from, std::vector<std::size_t> shape) {
    Array found{dtype_of<Number>(), std::move(shape), std::vector<char>(from.size() * sizeof(Number))};
    std::memcpy(found.bytes.data(), from.data(), found.bytes.size());
    return found;
}

inline Arrays arrays_of(const std::string& payload) {
    Arrays arrays;
    if (payload.empty()) return arrays;
    std::uint64_t length;
    std::memcpy(&length, payload.data(), 8);
    const std::size_t begin = 8 + length;
    const Json header = JsonReader(payload.substr(8, length)).read();
    for (const auto& [name, about] : header.as<Json::Object>()) {
        if (name == "__metadata__") continue;
        Array& array = arrays[name];
        array.dtype = about["dtype"].text();
        for (const Json& one : about["shape"].as<Json::List>()) array.shape.push_back(one.number());
        const Json::List& offsets = about["data_offsets"].as<Json::List>();
        array.bytes.assign(payload.begin() + begin + offsets.at(0).number(),
                           payload.begin() + begin + offsets.at(1).number());
    }
    return arrays;
}

inline std::string payload_of(const Arrays& arrays) {
    if (arrays.empty()) return "";
    std::string header, data;
    for (const auto& [name, array] : arrays) {
        std::string shape;
        for (std::size_t one : array.shape) shape += (shape.empty() ? "" : ",") + std::to_string(one);
        header += (header.empty() ? "{" : ",") + quoted(name) + ":{\"dtype\":" + quoted(array.dtype) + ",\"shape\":[" +
                  shape + "],\"data_offsets\":[" + std::to_string(data.size()) + ",";
        data.append(array.bytes.begin(), array.bytes.end());
        header += std::to_string(data.size()) + "]}";
    }
    header += "}";
    const std::uint64_t length = header.size();
    return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

inline std::string read_bytes(std::size_t count) {
    std::string found(count, '\0');
    if (std::fread(found.data(), 1, count, stdin) != count) throw std::runtime_error("standard input ended in a frame");
    return found;
}

// Reads the next request; returns false where standard input ends.
inline bool read_frame(Json& header, Arrays& arrays) {
    char magic[4];
    if (std::fread(magic, 1, 4, stdin) != 4) return false;
    if (std::memcmp(magic, "GRAD", 4) != 0) throw std::runtime_error("standard input is no frame");
    std::uint32_t header_length;
    std::uint64_t payload_length;
    std::memcpy(&header_length, read_bytes(4).data(), 4);
    std::memcpy(&payload_length, read_bytes(8).data(), 8);
    header = JsonReader(read_bytes(header_length)).read();
    arrays = arrays_of(read_bytes(payload_length));
    return true;
}

inline void write_frame(const std::string& header, const Arrays& arrays) {
    const std::string payload = payload_of(arrays);
    const std::uint32_t header_length = header.size();
    const std::uint64_t payload_length = payload.size();
    std::fwrite("GRAD", 1, 4, stdout);
    std::fwrite(&header_length, 4, 1, stdout);
    std::fwrite(&payload_length, 8, 1, stdout);
    std::fwrite(header.data(), 1, header.size(), stdout);
    std::fwrite(payload.data(), 1, payload.size(), stdout);
    std::fflush(stdout);
}
