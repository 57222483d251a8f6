/* What the C++ shim and the Rust side say to each other; read by both (bindgen on the Rust side).
 *
 * Rust calls gxfs_*; C++ calls back only through the two tables of function pointers. No entry lets
 * an exception or a panic through: every C++ function is noexcept, every Rust callback goes through
 * one trampoline. */
#ifndef GXF_SHIM_SHIM_H_
#define GXF_SHIM_SHIM_H_

#include "../abi/gxf_api.h"

#ifdef __cplusplus
#define GXFS_NOEXCEPT noexcept
extern "C" {
#else
#define GXFS_NOEXCEPT
#endif

/* What the runtime has written into a component object before it calls it. */
typedef struct gxfs_component {
  gxf_context_t context; /* null in the declaration pass */
  gxf_uid_t eid;
  gxf_uid_t cid;
} gxfs_component;

/* What a component reads out of the runtime's Registrar. */
typedef struct gxfs_registrar {
  void* parameter_storage;
  void* parameter_registrar; /* null once real components are made */
  gxf_tid_t tid;
  gxf_uid_t cid;
} gxfs_registrar;

/* The Rust side of a codelet's virtual functions. `self` is what was given to gxfs_codelet_new. */
typedef struct gxfs_codelet_calls {
  gxf_result_t (*register_interface)(void* self, const gxfs_component* at,
                                     const gxfs_registrar* registrar);
  gxf_result_t (*initialize)(void* self, const gxfs_component* at);
  gxf_result_t (*deinitialize)(void* self, const gxfs_component* at);
  gxf_result_t (*start)(void* self, const gxfs_component* at);
  gxf_result_t (*tick)(void* self, const gxfs_component* at);
  gxf_result_t (*stop)(void* self, const gxfs_component* at);
  void (*drop)(void* self);
} gxfs_codelet_calls;

/* The Rust side of an extension's virtual functions. */
typedef struct gxfs_extension_calls {
  gxf_result_t (*allocate)(void* self, const gxf_tid_t* tid, void** out);
  gxf_result_t (*deallocate)(void* self, const gxf_tid_t* tid, void* pointer);
  gxf_result_t (*check_info)(void* self);
  gxf_result_t (*get_info)(void* self, gxf_extension_info_t* info);
  gxf_result_t (*register_components)(void* self, gxf_context_t context);
  gxf_result_t (*has_component)(void* self, const gxf_tid_t* tid);
  gxf_result_t (*get_component_types)(void* self, gxf_tid_t* tids, uint64_t* count);
  gxf_result_t (*get_component_info)(void* self, const gxf_tid_t* tid, gxf_component_info_t* info);
  gxf_result_t (*get_parameter_info)(void* self, gxf_context_t context, const gxf_tid_t* tid,
                                     const char* key, gxf_parameter_info_t* info);
} gxfs_extension_calls;

/* One scalar of a parameter; which member counts is told by the parameter's type. */
typedef union gxfs_value {
  uint64_t u64_;
  int64_t i64_;
  uint32_t u32_;
  int32_t i32_;
  double f64_;
  bool boolean;
  const char* text; /* string and file */
} gxfs_value;

/* A parameter as it is declared. The strings live as long as the process. */
typedef struct gxfs_parameter {
  const char* key;
  const char* headline;
  const char* description;
  int32_t type; /* gxf_parameter_type_t */
  uint32_t flags;
  gxf_tid_t handle_tid;
  bool has_default;
  bool has_range;
  bool has_step;
  gxfs_value default_value;
  gxfs_value range[3]; /* minimum, maximum, step */
} gxfs_parameter;

/* Answers for one parameter of one component while its values change. `watch` is what was given to
 * gxfs_register_parameter; the strings and the node live during the call only. */
typedef struct gxfs_parameter_calls {
  /* A YAML node is about to be parsed; another code than 0 refuses it. */
  gxf_result_t (*before_parse)(const void* watch, gxf_context_t context, void* yaml_node,
                               const char* prefix);
  /* false refuses the new value. `in_parse`: it comes from YAML, and after_parse follows; otherwise
   * the runtime holds the lock of its parameters, so that no Gxf function may be called. */
  bool (*accept)(const void* watch, gxf_uid_t cid, const gxfs_value* value, bool in_parse);
  /* The node was parsed (`code` 0), or it was refused, or it is not of the parameter's type. */
  void (*after_parse)(const void* watch, gxf_context_t context, gxf_uid_t cid, void* yaml_node,
                      const char* prefix, gxf_result_t code);
} gxfs_parameter_calls;

/* Addresses in the runtime of what has a mangled name; null where this runtime does not export it.
 */
typedef struct gxfs_symbols {
  void* declare_parameter;     /* ParameterRegistrar::registerComponentParameterImpl */
  void* declare_parameterless; /* ParameterRegistrar::addParameterlessType */
  void* register_bool;         /* ParameterStorage::registerParameter<bool> */
  void* register_string;       /* ... <std::string> */
  void* register_path;         /* ... <FilePath> */
  void* register_handle;       /* ... <Handle<T>> for the T of the parameter at hand */
  void* backend_vtable;        /* vtable of ParameterBackend<T> for the T at hand (numbers) */
  void* receive;               /* Receiver::receive */
  void* sync;                  /* Receiver::sync */
  void* publish;               /* Transmitter::publish(const Entity&) */
  void* set_event_state;       /* AsynchronousSchedulingTerm::setEventState */
  void* logger_instance;       /* GlobalGxfLogger::instance */
  void* logger_log;            /* Logger::log */
  void* logging_function;      /* the variable LoggingFunction (cores without a Logger) */
  void* get_severity;          /* nvidia::GetSeverity */
} gxfs_symbols;

/* `has_name`: this release keeps the component's name as a std::string in the object. */
void* gxfs_codelet_new(const gxfs_codelet_calls* calls, void* self, bool has_name) GXFS_NOEXCEPT;
void gxfs_codelet_delete(void* codelet) GXFS_NOEXCEPT;
void* gxfs_extension_new(const gxfs_extension_calls* calls, void* self) GXFS_NOEXCEPT;

/* An object of another extension's: `factory` is what its GxfExtensionFactory gave. */
gxf_result_t gxfs_factory_has_component(void* factory, const gxf_tid_t* tid) GXFS_NOEXCEPT;
gxf_result_t gxfs_factory_allocate(void* factory, const gxf_tid_t* tid, void** out) GXFS_NOEXCEPT;
gxf_result_t gxfs_factory_deallocate(void* factory, const gxf_tid_t* tid,
                                     void* object) GXFS_NOEXCEPT;

gxf_result_t gxfs_declare_parameter(const gxfs_symbols* symbols, void* parameter_registrar,
                                    gxf_tid_t tid, const char* type_name,
                                    const gxfs_parameter* parameter) GXFS_NOEXCEPT;
gxf_result_t gxfs_declare_parameterless(const gxfs_symbols* symbols, void* parameter_registrar,
                                        gxf_tid_t tid, const char* type_name) GXFS_NOEXCEPT;
/* Makes the parameter in the storage, without a value. `backend` receives where
 * gxfs_watch_parameter works. */
gxf_result_t gxfs_register_parameter(const gxfs_symbols* symbols, void* parameter_storage,
                                     gxf_uid_t cid, const gxfs_parameter* parameter,
                                     void** backend) GXFS_NOEXCEPT;
/* From here on every new value of the parameter is shown to `calls` before it is taken. */
gxf_result_t gxfs_watch_parameter(void* backend, int32_t type, const gxfs_parameter_calls* calls,
                                  const void* watch) GXFS_NOEXCEPT;

/* On success one reference to the message's entity belongs to the caller. */
gxf_result_t gxfs_receive(const gxfs_symbols* symbols, void* receiver, gxf_context_t context,
                          gxf_uid_t* eid) GXFS_NOEXCEPT;
/* Lets a receiver have the messages that have arrived since its entity's last tick. */
gxf_result_t gxfs_sync(const gxfs_symbols* symbols, void* receiver) GXFS_NOEXCEPT;
gxf_result_t gxfs_publish(const gxfs_symbols* symbols, void* transmitter, gxf_context_t context,
                          gxf_uid_t eid) GXFS_NOEXCEPT;
void gxfs_set_event_state(const gxfs_symbols* symbols, void* term, int32_t state) GXFS_NOEXCEPT;

/* False: the runtime exports no way to log. */
bool gxfs_log(const gxfs_symbols* symbols, const char* file, int32_t line, int32_t severity,
              const char* text) GXFS_NOEXCEPT;

/* The nearest return address on this thread's stack that is outside the library that holds `own`;
 * null if none. */
void* gxfs_caller_outside(const void* own) GXFS_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif  // GXF_SHIM_SHIM_H_
