
#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* BULLA_H */
